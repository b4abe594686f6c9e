package faults

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

func requireCode(t *testing.T, code string, err error) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, code, pg.Code)
}

// Every connection of the pool is in use: whoever waits gives up in time, and
// whoever comes later is served.
func TestPoolExhausted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(t, w.AppURL, func(cfg *tenancy.Config) { cfg.MaxConns = 2 })
	release := make(chan struct{})
	var holding, holders sync.WaitGroup
	for _, s := range c.scopes[:2] {
		holding.Add(1)
		holders.Go(func() {
			require.NoError(t, c.db.Tx(context.Background(), s, func(ctx context.Context, conn *tenancy.Conn) error {
				err := c.add(ctx, conn, c.try(conn.Tenant()))
				holding.Done()
				<-release
				return err
			}))
		})
	}
	holding.Wait()
	require.EqualValues(t, 2, c.db.Stat().AcquiredConns(), "positive control: the pool is exhausted")
	for _, s := range c.scopes {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := c.look(ctx, c.db.For(s))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		cancel()
	}
	close(release)
	holders.Wait()
	c.idle(t)
	require.Len(t, w.written(t), 2)
}

// The server takes no further connection.
func TestServerHasNoConnectionLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, other := w.open(t, w.AppURL), w.open(t, w.AppURL)
	require.NoError(t, c.db.Tx(t.Context(), c.scopes[0], func(ctx context.Context, conn *tenancy.Conn) error {
		require.NoError(t, c.add(ctx, conn, c.try(conn.Tenant())))
		_, err := w.admin.Exec(t.Context(), "alter database "+w.Name+" connection limit 1")
		require.NoError(t, err)
		err = other.add(ctx, other.db.For(other.scopes[0]), c.try(conn.Tenant()))
		require.ErrorIs(t, err, tenancy.ErrUnavailable)
		requireCode(t, "53300", err)
		require.NotContains(t, err.Error(), w.Name)
		return nil
	}))
	_, err := w.admin.Exec(t.Context(), "alter database "+w.Name+" connection limit -1")
	require.NoError(t, err)
	c.idle(t)
	other.idle(t)
	require.Len(t, w.written(t), 1)
}

func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(t, withParam(t, w.AppURL, "statement_timeout", "1000"), func(cfg *tenancy.Config) { cfg.MaxConns = 1 })
	id := c.try(w.tenants[0])
	for range 2 {
		_, err := c.db.For(c.scopes[0]).Exec(t.Context(), "select pg_sleep(60)")
		requireCode(t, "57014", err)
		err = c.db.Tx(t.Context(), c.scopes[0], func(ctx context.Context, conn *tenancy.Conn) error {
			require.NoError(t, c.add(ctx, conn, id))
			_, err := conn.Exec(ctx, "select pg_sleep(60)")
			return err
		})
		requireCode(t, "57014", err)
	}
	c.idle(t)
	require.Empty(t, w.written(t))
	require.EqualValues(t, 1, c.db.Stat().NewConnsCount(), "none of it cost the connection")
}

func TestLockTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(t, withParam(t, w.AppURL, "lock_timeout", "50"))
	id := c.try(w.tenants[0])
	require.NoError(t, c.add(t.Context(), c.db.For(c.scopes[0]), id))
	require.NoError(t, c.db.Tx(t.Context(), c.scopes[0], func(ctx context.Context, conn *tenancy.Conn) error {
		_, err := conn.Exec(ctx, addAmount, conn.Tenant(), id, int64(1))
		require.NoError(t, err)
		_, err = c.db.For(c.scopes[0]).Exec(ctx, addAmount, conn.Tenant(), id, int64(1))
		requireCode(t, "55P03", err)
		return nil
	}))
	c.idle(t)
}
