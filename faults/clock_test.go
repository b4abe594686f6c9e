package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// clock is the server's, as far as the verification of contexts reads it.
type clock struct {
	*world
	functions []string // as they are
}

const now = "transaction_timestamp()"

func newClock(t *testing.T, w *world) *clock {
	t.Helper()
	rows, err := w.admin.Query(t.Context(), `select pg_get_functiondef(oid) from pg_proc
		where pronamespace = 'watertight'::regnamespace and prokind = 'f' and strpos(prosrc, $1) > 0`, now)
	require.NoError(t, err)
	functions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, functions, "nothing reads the clock: this test steps nothing")
	return &clock{w, functions}
}

// step sets the clock to be ahead of the true one.
func (c *clock) step(t *testing.T, ahead time.Duration) {
	t.Helper()
	shifted := fmt.Sprintf("(%s operator(pg_catalog.+) interval '%f seconds')", now, ahead.Seconds())
	for _, f := range c.functions {
		_, err := c.admin.Exec(t.Context(), strings.ReplaceAll(strings.ReplaceAll(f, "pg_catalog."+now, now), now, shifted))
		require.NoError(t, err)
	}
}

// The clocks of the application and the database are set apart while tenants
// work. A context that seems too old is refused with an error that says so; one
// that seems young is accepted, and good for longer.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(t, w.AppURL)
	serverClock := newClock(t, w)
	l := c.load(4, limit)
	for _, skew := range []time.Duration{0, 45 * time.Second, -50 * time.Second, -time.Hour} {
		serverClock.step(t, skew)
		l.await(t, 20)
	}
	for range 3 {
		serverClock.step(t, 2*time.Minute)
		id := l.try(w.tenants[0])
		// The session may still run the function of before the step.
		require.Eventually(t, func() bool {
			_, err := c.look(t.Context(), c.db.For(c.scopes[0]))
			return err != nil
		}, patience, time.Millisecond)
		require.ErrorIs(t, c.add(t.Context(), c.db.For(c.scopes[0]), id), tenancy.ErrContextExpired)
		err := c.db.Tx(t.Context(), c.scopes[0], func(ctx context.Context, conn *tenancy.Conn) error {
			return c.add(ctx, conn, id)
		})
		require.ErrorIs(t, err, tenancy.ErrContextExpired)
		serverClock.step(t, 0)
		l.await(t, 20)
	}
	l.settle(t)
}
