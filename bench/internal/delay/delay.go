// Package delay is a network between client and server that a program makes
// for itself: a TCP proxy in which all that is sent arrives half a round trip
// later. It delays and does not throttle: how much is under way is not bounded
// by the round trip.
//
// It also counts round trips, as how often the client speaks after the server
// has answered.
package delay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// segment is the most that travels as one.
	segment = 64 << 10
	// underWay is how many segments one direction of a connection holds. 256 MB
	// are more than a server's answer within any round trip that is emulated.
	underWay = 4096
)

// A Proxy carries connections to one server.
type Proxy struct {
	network, server string
	oneWay          time.Duration
	listener        net.Listener
	trips           atomic.Int64
	pause           func() (pauser, error)

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
	all    sync.WaitGroup
}

// pauser waits, more exactly than the runtime's timers do.
type pauser interface {
	pause(time.Duration)
	Close() error
}

// Listen starts a proxy on the loopback address in front of a server, with the
// given round trip on top of what the machine itself takes.
func Listen(ctx context.Context, network, server string, roundTrip time.Duration) (*Proxy, error) {
	return listen(ctx, network, server, roundTrip, newPauser)
}

func listen(ctx context.Context, network, server string, roundTrip time.Duration, pause func() (pauser, error)) (*Proxy, error) {
	if roundTrip < 0 {
		return nil, fmt.Errorf("a round trip of %v (give one of 0 or more)", roundTrip)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		network: network, server: server, oneWay: roundTrip / 2,
		listener: listener, pause: pause, open: map[net.Conn]bool{},
	}
	p.all.Go(p.accept)
	return p, nil
}

// Addr is where clients connect to.
func (p *Proxy) Addr() *net.TCPAddr { return p.listener.Addr().(*net.TCPAddr) }

// Trips is how many round trips there were so far, on all connections.
func (p *Proxy) Trips() int64 { return p.trips.Load() }

// Close ends the proxy and every connection through it.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	err := p.listener.Close()
	for conn := range p.open {
		conn.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.all.Go(func() { p.carry(client) })
		}
	}
}

// track remembers a connection for Close; false means that the proxy is closed.
func (p *Proxy) track(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		conn.Close()
		return false
	}
	p.open[conn] = true
	return true
}

func (p *Proxy) untrack(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
	conn.Close()
}

// carry connects a client with the server until either hangs up.
func (p *Proxy) carry(client net.Conn) {
	if !p.track(client) {
		return
	}
	defer p.untrack(client)
	server, err := net.Dial(p.network, p.server)
	if err != nil || !p.track(server) {
		return
	}
	defer p.untrack(server)
	var answered atomic.Bool
	answered.Store(true)
	var both sync.WaitGroup
	both.Go(func() {
		p.line(server, client, func() {
			if answered.Swap(false) {
				p.trips.Add(1)
			}
		})
		server.Close()
	})
	both.Go(func() {
		p.line(client, server, func() { answered.Store(true) })
		client.Close()
	})
	both.Wait()
}

// parcel is what was read at once, and when it is to arrive.
type parcel struct {
	due  time.Time
	data []byte
}

// line carries one direction. Reading never waits for what is under way.
func (p *Proxy) line(to io.Writer, from io.Reader, seen func()) {
	if p.oneWay == 0 {
		relay(to, from, seen)
		return
	}
	pauser, err := p.pause()
	if err != nil {
		return
	}
	defer pauser.Close()
	queue := make(chan parcel, underWay)
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() {
		defer close(queue)
		for {
			buffer := make([]byte, segment)
			n, err := from.Read(buffer)
			if n > 0 {
				seen()
				queue <- parcel{time.Now().Add(p.oneWay), buffer[:n]}
			}
			if err != nil {
				return
			}
		}
	})
	for next := range queue {
		pauser.pause(time.Until(next.due))
		if _, err := to.Write(next.data); err != nil {
			break
		}
	}
	for range queue { // what can no longer be delivered, so that the reader ends
	}
}

func relay(to io.Writer, from io.Reader, seen func()) {
	buffer := make([]byte, segment)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			seen()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
