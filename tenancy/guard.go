package tenancy

import (
	"context"
	"net"
	"sync"
	"time"
)

// guard ends a read when the context of its call does. pgx has such a guard, but
// gives it up with the message that says that the server is ready again, and then
// goes on to read an answer of which the end was lost: without ours, for as long
// as the connection stands (faults.TestAnswerLeftOut).
type guard struct {
	conn net.Conn
	stop func() bool

	mu   sync.Mutex
	over bool
	cut  bool
}

func (g *guard) begin(ctx context.Context, conn net.Conn) {
	if ctx.Done() != nil {
		g.conn = conn
		g.stop = context.AfterFunc(ctx, g.end)
	}
}

// end is called by the context.
func (g *guard) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.over {
		g.cut = true
		_ = g.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// lift is called when all was read. Whoever uses the connection next has no
// deadline of ours.
func (g *guard) lift() {
	if g.stop == nil || g.stop() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	if g.cut {
		_ = g.conn.SetReadDeadline(time.Time{})
	}
}
