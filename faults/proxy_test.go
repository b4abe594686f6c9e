package faults

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// proxy is a network between the application and the server that does what
// networks do, and some things that only broken middlemen do.
type proxy struct {
	url     string
	server  [2]string
	weather atomic.Pointer[weather]

	mu     sync.Mutex
	lines  map[*line]bool
	refuse bool
}

// weather makes, for each direction of a connection, what happens to it.
type weather func(toServer bool) carrier

// carrier takes a chunk and returns what is delivered for it, one write each.
// An error ends the connection after that.
type carrier func(chunk []byte) ([][]byte, error)

// line is one connection.
type line struct {
	client, server net.Conn
	frozen         atomic.Bool
}

// newProxy stands in front of the server that the URL names.
func newProxy(t testing.TB, address string) *proxy {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	require.NoError(t, err)
	network, target := pgxNetwork(config)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	u, err := url.Parse(address)
	require.NoError(t, err)
	q := u.Query()
	q.Del("host")
	q.Del("port")
	if !q.Has("sslmode") {
		q.Set("sslmode", "disable")
	}
	u.Host, u.RawQuery = listener.Addr().String(), q.Encode()
	p := &proxy{url: u.String(), server: [2]string{network, target}, lines: map[*line]bool{}}
	t.Cleanup(func() {
		listener.Close()
		p.cut()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.carry(conn.(*net.TCPConn))
		}
	}()
	return p
}

func pgxNetwork(config *pgx.ConnConfig) (network, address string) {
	port := (&net.TCPAddr{Port: int(config.Port)}).String()
	if config.Host[0] == '/' {
		return "unix", config.Host + "/.s.PGSQL." + port[1:]
	}
	return "tcp", config.Host + port
}

// set changes the weather on all connections, nil for fair.
func (p *proxy) set(w weather) {
	if w == nil {
		p.weather.Store(nil)
		return
	}
	p.weather.Store(&w)
}

// cut breaks every connection, as a reset does.
func (p *proxy) cut() {
	p.each(func(l *line) {
		if tcp, ok := l.client.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // RST, not FIN
		}
		l.client.Close()
		l.server.Close()
	})
}

// freeze makes every connection half-open: both ends believe in it, and
// nothing arrives any more. New ones work.
func (p *proxy) freeze() { p.each(func(l *line) { l.frozen.Store(true) }) }

// down refuses new connections, or no longer.
func (p *proxy) down(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = yes
}

func (p *proxy) each(do func(*line)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.lines {
		do(l)
	}
}

func (p *proxy) carry(client *net.TCPConn) {
	defer client.Close()
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		_ = client.SetLinger(0)
		return
	}
	server, err := net.Dial(p.server[0], p.server[1])
	if err != nil {
		return
	}
	defer server.Close()
	l := &line{client: client, server: server}
	p.mu.Lock()
	p.lines[l] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.lines, l)
	}()
	var both sync.WaitGroup
	both.Go(func() { p.copy(l, server, client, true) })
	both.Go(func() { p.copy(l, client, server, false) })
	both.Wait()
}

// copy carries one direction until it ends or breaks. A frozen line swallows
// also the news of its end.
func (p *proxy) copy(l *line, to, from net.Conn, toServer bool) {
	var last *weather
	var pass carrier
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if l.frozen.Load() {
			if err != nil {
				return
			}
			continue
		}
		if now := p.weather.Load(); now != last {
			if last = now; now != nil {
				pass = (*now)(toServer)
			}
		}
		if n > 0 {
			chunks, broken := [][]byte{buffer[:n]}, error(nil)
			if last != nil {
				chunks, broken = pass(buffer[:n])
			}
			if write(to, chunks) != nil || broken != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	to.Close()
	from.Close()
}

func write(to io.Writer, chunks [][]byte) error {
	for _, c := range chunks {
		if _, err := to.Write(c); err != nil {
			return err
		}
	}
	return nil
}
