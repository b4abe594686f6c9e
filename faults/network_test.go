package faults

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// short is the limit of an operation where the network swallows it.
const short = 500 * time.Millisecond

// behind is an application that reaches the database through a proxy.
func behind(t *testing.T, params ...string) (*client, *proxy) {
	t.Helper()
	w := newWorld(t)
	address := w.AppURL
	for i := 0; i < len(params); i += 2 {
		address = withParam(t, address, params[i], params[i+1])
	}
	p := newProxy(t, address)
	return w.open(t, p.url), p
}

func TestConnectionsCut(t *testing.T) {
	t.Parallel()
	c, p := behind(t)
	l := c.load(6, limit)
	for range 5 {
		l.await(t, 40)
		p.cut()
	}
	l.await(t, 40)
	l.settle(t)
	require.Contains(t, l.errors(), "ErrUnavailable", "positive control: connections were cut")
}

func TestNetworkDown(t *testing.T) {
	t.Parallel()
	c, p := behind(t)
	l := c.load(6, limit)
	l.await(t, 40)
	p.down(true)
	p.cut()
	require.ErrorIs(t, c.add(t.Context(), c.db.For(c.scopes[0]), l.try(c.tenants[0])), tenancy.ErrUnavailable)
	p.down(false)
	l.await(t, 40)
	l.settle(t)
}

// Both ends believe in a half-open connection. A deadline ends it for the
// client, and the time that a transaction may be idle for the server: then the
// row that it had locked is free.
func TestConnectionHalfOpen(t *testing.T) {
	t.Parallel()
	c, p := behind(t, "idle_in_transaction_session_timeout", "1000")
	l := c.load(4, limit)
	l.await(t, 40)
	const touch = "update app.entries set amount = amount + 1 where tenant_id = $1 and id = $2"
	id := l.try(c.tenants[0])
	require.NoError(t, c.add(t.Context(), c.db.For(c.scopes[0]), id))

	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	err := c.db.Tx(ctx, c.scopes[0], func(ctx context.Context, conn *tenancy.Conn) error {
		_, err := conn.Exec(ctx, touch, conn.Tenant(), id)
		require.NoError(t, err)
		p.freeze()
		_, err = c.look(ctx, conn)
		return err
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = c.db.For(c.scopes[0]).Exec(t.Context(), touch, c.tenants[0], id)
	require.NoError(t, err, "the row is free again")
	l.await(t, 40)
	l.settle(t)
}

// With as little as one byte at a time, and late, everything arrives: nothing
// but time is lost.
func TestChunksSplitAndDelayed(t *testing.T) {
	t.Parallel()
	c, p := behind(t)
	l := c.load(6, patience)
	for _, w := range []weather{splitting(), delaying(3 * time.Millisecond)} {
		p.set(w)
		l.await(t, 60)
	}
	p.set(nil)
	l.settle(t)
	require.Empty(t, l.errors())
}

func TestConnectionsCutInTheMiddleOfAChunk(t *testing.T) {
	t.Parallel()
	c, p := behind(t)
	l := c.load(6, limit)
	l.await(t, 40)
	p.set(cutting(30))
	l.await(t, 150)
	p.set(nil)
	l.settle(t)
	require.NotEmpty(t, l.errors(), "positive control: connections were cut")
}

// garbled runs a load while the network does what TCP never does. Without TLS a
// row may arrive damaged, as no protocol can tell; none arrives at another
// tenant.
func garbled(t *testing.T, how func(*rand.Rand, []byte) [][]byte) {
	t.Helper()
	t.Parallel()
	c, p := behind(t, "connect_timeout", "1")
	c.garble(t, p, how, true)
}

func (c *client) garble(t *testing.T, p *proxy, how func(*rand.Rand, []byte) [][]byte, damage bool) {
	t.Helper()
	l := c.load(4, short)
	l.await(t, 20)
	l.damage.Store(damage)
	var done atomic.Int64
	p.set(garbling(20, &done, how))
	l.await(t, 80)
	require.NotZero(t, done.Load(), "positive control: something was garbled")
	p.set(nil)
	l.settle(t)
}

func TestChunksLost(t *testing.T)      { garbled(t, lost) }
func TestChunksReordered(t *testing.T) { garbled(t, reordered) }
func TestChunksRepeated(t *testing.T)  { garbled(t, repeated) }

// leftOut delivers everything but the answer to the caller's statement, which is
// behind that to the context, or but the end of it.
func leftOut(endOnly bool) func(bool) carrier {
	return func(toServer bool) carrier {
		var rest []byte
		answered := 0
		return func(chunk []byte) ([][]byte, error) {
			if toServer {
				return [][]byte{chunk}, nil
			}
			var through []byte
			rest = append(rest, chunk...)
			for len(rest) >= 5 && len(rest) > int(binary.BigEndian.Uint32(rest[1:])) {
				message := rest[:1+binary.BigEndian.Uint32(rest[1:])]
				rest = rest[len(message):]
				if message[0] == 'Z' { // ready for the next
					answered = 0
				}
				end := message[0] == 'C' // of one answer
				if answered == 0 || endOnly && !end {
					through = append(through, message...)
				}
				if end {
					answered++
				}
			}
			return [][]byte{through}, nil
		}
	}
}

// An answer that is missing is not taken for one that says that nothing was
// there. Where its end is missing, the deadline ends the wait, as ever.
func TestAnswerLeftOut(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(context.Context, *client, *tenancy.Conn) error{
		"Exec": func(ctx context.Context, c *client, conn *tenancy.Conn) error {
			return c.add(ctx, conn, c.try(conn.Tenant()))
		},
		"Query": func(ctx context.Context, c *client, conn *tenancy.Conn) error {
			_, err := c.look(ctx, conn)
			return err
		},
		"QueryRow": func(ctx context.Context, _ *client, conn *tenancy.Conn) error {
			return conn.QueryRow(ctx, sumAmount, conn.Tenant()).Scan(nil)
		},
		"SendBatch": func(ctx context.Context, c *client, conn *tenancy.Conn) error {
			var b pgx.Batch
			b.Queue(addEntry, conn.Tenant(), c.try(conn.Tenant()), []byte{})
			return conn.SendBatch(ctx, &b).Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, p := behind(t)
			conn := c.db.For(c.scopes[0])
			require.NoError(t, ask(t.Context(), c, conn), "the statement is prepared by now")
			p.set(leftOut(false))
			require.ErrorIs(t, ask(t.Context(), c, conn), tenancy.ErrProtocol)
			p.set(leftOut(true))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := ask(ctx, c, conn)
			if name == "QueryRow" { // which has a row to begin with
				require.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.ErrorIs(t, err, tenancy.ErrProtocol)
			}
			p.set(nil)
			require.EqualValues(t, 0, c.db.Stat().IdleConns(), "the connection is not used again")
			require.NoError(t, c.db.Tx(t.Context(), c.scopes[0], func(ctx context.Context, conn *tenancy.Conn) error { return ask(ctx, c, conn) }))
		})
	}
}

// TLS, on which Open insists for every host but this one, turns all of it into
// a broken connection: no row arrives damaged, either.
func TestGarbledBelowTLS(t *testing.T) {
	t.Parallel()
	w := newBreakableWorld(t)
	address := withParam(t, w.encrypt(t), "connect_timeout", "1")
	for name, how := range map[string]func(*rand.Rand, []byte) [][]byte{
		"lost": lost, "reordered": reordered, "repeated": repeated, "flipped": flipped,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, address)
			w.open(t, p.url).garble(t, p, how, false)
		})
	}
}
