package delay

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo answers every connection with what it sends.
func echo(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return listener
}

func start(t *testing.T, roundTrip time.Duration, pause func() (pauser, error)) *Proxy {
	t.Helper()
	p, err := listen(t.Context(), "tcp", echo(t).Addr().String(), roundTrip, pause)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.DialTCP("tcp", nil, p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func ask(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := conn.Write([]byte("ping"))
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, 4))
	require.NoError(t, err)
}

// A round trip through the proxy takes at least what was asked for. That it
// takes not much more depends on the machine: the report says what it took.
func TestRoundTripTakesItsTime(t *testing.T) {
	t.Parallel()
	const roundTrip = 20 * time.Millisecond
	conn := dial(t, start(t, roundTrip, newPauser))
	for range 3 {
		begin := time.Now()
		ask(t, conn)
		require.GreaterOrEqual(t, time.Since(begin), roundTrip)
	}
}

func TestRoundTripsAreCounted(t *testing.T) {
	t.Parallel()
	for _, roundTrip := range []time.Duration{0, time.Millisecond} {
		p := start(t, roundTrip, newPauser)
		conn := dial(t, p)
		for range 5 {
			ask(t, conn)
		}
		require.Equal(t, int64(5), p.Trips())
	}
}

// gate is a pauser that waits until the test lets it go on.
type gate struct {
	started *sync.Once
	waiting chan struct{}
	open    chan struct{}
}

func (g gate) pause(time.Duration) {
	g.started.Do(func() { close(g.waiting) })
	<-g.open
}
func (gate) Close() error { return nil }

// While the first segment is under way the proxy takes in a hundred times of
// what fits into one: latency does not become a limit on throughput.
func TestWhatIsUnderWayDoesNotHoldUpWhatFollows(t *testing.T) {
	t.Parallel()
	g := gate{new(sync.Once), make(chan struct{}), make(chan struct{})}
	conn := dial(t, start(t, time.Hour, func() (pauser, error) { return g, nil }))
	sent := make([]byte, 100*segment)
	for i := range sent {
		sent[i] = byte(i / segment)
	}
	_, err := conn.Write(sent[:1])
	require.NoError(t, err)
	<-g.waiting
	_, err = conn.Write(sent[1:]) // more than the sockets hold by themselves
	require.NoError(t, err)
	close(g.open)
	got := make([]byte, len(sent))
	_, err = io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, sent, got)
}

func TestHangingUpReachesTheOtherSide(t *testing.T) {
	t.Parallel()
	p := start(t, time.Millisecond, newPauser)
	conn := dial(t, p)
	ask(t, conn)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestNegativeRoundTripIsRefused(t *testing.T) {
	t.Parallel()
	_, err := Listen(t.Context(), "tcp", "127.0.0.1:1", -time.Second)
	require.ErrorContains(t, err, "give one of 0 or more")
}
