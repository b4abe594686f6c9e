package faults

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

const (
	addAmount = "update app.entries set amount = amount + $3 where tenant_id = $1 and id = $2"
	sumAmount = "select coalesce(sum(amount), 0) from app.entries where tenant_id = $1"
)

// meeting makes the first attempts of two transactions meet, so that they are
// certain to collide; later ones pass.
type meeting struct {
	both     sync.WaitGroup
	attempts atomic.Int64
}

func newMeeting() *meeting {
	m := &meeting{}
	m.both.Add(2)
	return m
}

func (m *meeting) attend() {
	if m.attempts.Add(1) <= 2 {
		m.both.Done()
		m.both.Wait()
	}
}

// collide runs a transaction twice at once, the second time the other way
// round, and returns the errors.
func (c *client) collide(t testing.TB, run func(context.Context, tenancy.Scope, func(context.Context, *tenancy.Conn) error) error,
	fn func(ctx context.Context, conn *tenancy.Conn, m *meeting, first, second int64) error,
) (m *meeting, errs [2]error, sum int64) {
	t.Helper()
	scope := c.scopes[0]
	ids := [2]int64{c.try(scope.Tenant()), c.try(scope.Tenant())}
	for _, id := range ids {
		require.NoError(t, c.add(t.Context(), c.db.For(scope), id))
	}
	m = newMeeting()
	var both sync.WaitGroup
	for i := range errs {
		both.Go(func() {
			errs[i] = run(t.Context(), scope, func(ctx context.Context, conn *tenancy.Conn) error {
				return fn(ctx, conn, m, ids[i], ids[1-i])
			})
		})
	}
	both.Wait()
	require.NoError(t, c.db.For(scope).QueryRow(t.Context(), sumAmount, scope.Tenant()).Scan(&sum))
	return m, errs, sum
}

// onceAndAgain checks that of two that collide one fails with the code, and
// that both succeed with RetryTx.
func (c *client) onceAndAgain(t *testing.T, code string, fn func(ctx context.Context, conn *tenancy.Conn, m *meeting, first, second int64) error) {
	t.Helper()
	_, errs, sum := c.collide(t, c.db.Tx, fn)
	if errs[0] == nil {
		errs[0], errs[1] = errs[1], errs[0]
	}
	var pg *pgconn.PgError
	require.ErrorAs(t, errs[0], &pg)
	require.Equal(t, code, pg.Code)
	require.NoError(t, errs[1])
	before := sum

	again := func(ctx context.Context, s tenancy.Scope, fn func(context.Context, *tenancy.Conn) error) error {
		return c.db.RetryTx(ctx, s, tenancy.Retry{}, fn)
	}
	m, errs, sum := c.collide(t, again, fn)
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	require.Equal(t, int64(3), m.attempts.Load(), "one of the two was tried again")
	require.Equal(t, 3*before, sum, "both were written, once each: the first time there was one")
	c.idle(t)
}

func TestDeadlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.admin.Exec(t.Context(), "alter database "+w.Name+" set deadlock_timeout = '20ms'")
	require.NoError(t, err)
	c := w.open(t, w.AppURL)
	c.onceAndAgain(t, "40P01", func(ctx context.Context, conn *tenancy.Conn, m *meeting, first, second int64) error {
		if _, err := conn.Exec(ctx, addAmount, conn.Tenant(), first, int64(1)); err != nil {
			return err
		}
		m.attend()
		_, err := conn.Exec(ctx, addAmount, conn.Tenant(), second, int64(1))
		return err
	})
}

// Two transactions that each read what the other writes: neither may see the
// state before, and only the database can tell.
func TestSerializationFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(t, withParam(t, w.AppURL, "default_transaction_isolation", "serializable"))
	c.onceAndAgain(t, "40001", func(ctx context.Context, conn *tenancy.Conn, m *meeting, first, _ int64) error {
		var sum int64
		if err := conn.QueryRow(ctx, sumAmount, conn.Tenant()).Scan(&sum); err != nil {
			return err
		}
		m.attend()
		_, err := conn.Exec(ctx, addAmount, conn.Tenant(), first, int64(2))
		return err
	})
}
