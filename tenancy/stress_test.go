package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

const (
	stressTenants    = 200
	stressOperations = 10_000
	stressWorkers    = 16
)

// TestInterleavedTenants drives 10,000 operations of 200 tenants through a pool
// of four connections, with cancels, rollbacks, panics and savepoints at
// random. Every row that any operation sees must be its own tenant's, and at
// the end no connection may carry a context.
func TestInterleavedTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *tenancy.Config) { c.MaxConns = 4 })
	scopes := w.manyScopes(t, stressTenants)

	var done, next, saw atomic.Int64
	var workers sync.WaitGroup
	for worker := range stressWorkers {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 7))
			for next.Add(1) <= stressOperations {
				op := operation{w: w, t: t, random: random, scope: scopes[random.IntN(len(scopes))], saw: &saw}
				op.run()
				done.Add(1)
			}
		})
	}
	workers.Wait()
	require.Equal(t, int64(stressOperations), done.Load())
	require.Greater(t, saw.Load(), int64(stressOperations), "positive control: rows were seen")
	require.Greater(t, w.db.Stat().NewConnsCount(), int64(20), "positive control: cancels broke connections")
	t.Logf("%d operations, %d rows checked, %d connections made", done.Load(), saw.Load(), w.db.Stat().NewConnsCount())
	w.requireCleanConnections(t)
}

func (w *world) manyScopes(t *testing.T, n int) []tenancy.Scope {
	t.Helper()
	sys, err := crosstenant.Open(t.Context(), w.systemURL, crosstenant.Config{Key: w.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler)), Binding: w.binding})
	require.NoError(t, err)
	defer sys.Close()
	scopes := make([]tenancy.Scope, n)
	err = sys.Run(t.Context(), tenancy.Actor{Email: "ops@example"}, "test", func(ctx context.Context, c *crosstenant.Conn) error {
		for i := range scopes {
			id, user, err := accounts.CreateTenant(ctx, c, fmt.Sprintf("tenant %d", i), accounts.Owner{Email: "x@x.example"})
			if err != nil {
				return err
			}
			if scopes[i], err = unverified.Scope(w.db, tenancy.Actor{UserID: user}, id, tenancy.RoleOwner); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	return scopes
}

// operation is one use of the database by one tenant.
type operation struct {
	w      *world
	t      *testing.T
	random *rand.Rand
	scope  tenancy.Scope
	saw    *atomic.Int64
}

var errPanic = errors.New("panic on purpose")

func (o *operation) run() {
	ctx := context.Background()
	if o.random.IntN(10) == 0 { // one in ten is cancelled, often while it waits for a connection
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(o.random.IntN(8000))*time.Microsecond)
		defer cancel()
	}
	defer func() {
		if r := recover(); r != nil && r != errPanic {
			panic(r)
		}
	}()
	var err error
	switch o.random.IntN(80) {
	case 4:
		o.cancelled(ctx)
	case 0:
		err = o.insert(ctx, o.w.db.For(o.scope))
	case 1:
		err = o.look(ctx, o.w.db.For(o.scope))
	case 2:
		err = o.lookPartly(ctx, o.w.db.For(o.scope))
	case 3:
		err = o.batch(ctx)
	case 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24:
		err = o.insert(ctx, o.w.db.For(o.scope))
	default:
		err = o.transaction(ctx)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, errRollback) && !errors.Is(err, tenancy.ErrRolledBack) {
		o.t.Errorf("operation: %v", err)
	}
}

func (o *operation) insert(ctx context.Context, c *tenancy.Conn) error {
	_, err := c.Exec(ctx, "insert into app.notes (tenant_id, id, body) values ($1, $2, $3)",
		o.scope.Tenant(), o.random.Int64(), uuid.NewString())
	return err
}

// look reads without any predicate: only the database keeps tenants apart here.
func (o *operation) look(ctx context.Context, c *tenancy.Conn) error {
	rows, err := c.Query(ctx, "select tenant_id from app.notes limit 20")
	if err != nil {
		return err
	}
	return o.check(rows)
}

func (o *operation) check(rows pgx.Rows) error {
	ids, err := pgx.CollectRows(rows, pgx.RowTo[tenancy.ID])
	for _, id := range ids {
		o.saw.Add(1)
		if id != o.scope.Tenant() {
			o.t.Errorf("tenant %s saw a row of tenant %s", o.scope.Tenant(), id)
		}
	}
	return err
}

func (o *operation) lookPartly(ctx context.Context, c *tenancy.Conn) error {
	rows, err := c.Query(ctx, "select tenant_id from app.notes, generate_series(1, 50)")
	if err != nil {
		return err
	}
	rows.Next()
	rows.Close()
	return rows.Err()
}

func (o *operation) batch(ctx context.Context) error {
	var b pgx.Batch
	b.Queue("insert into app.notes (tenant_id, id, body) values ($1, $2, $3)", o.scope.Tenant(), o.random.Int64(), uuid.NewString())
	b.Queue("select tenant_id from app.notes limit 5").Query(func(rows pgx.Rows) error { return o.check(rows) })
	return o.w.db.For(o.scope).SendBatch(ctx, &b).Close()
}

func (o *operation) transaction(ctx context.Context) error {
	end := o.random.IntN(5)
	return o.w.db.Tx(ctx, o.scope, func(ctx context.Context, c *tenancy.Conn) error {
		if err := o.insert(ctx, c); err != nil {
			return err
		}
		if o.random.IntN(2) == 0 {
			if err := c.Savepoint(ctx, o.savepoint); err != nil && !errors.Is(err, errRollback) {
				return err
			}
		}
		if err := o.look(ctx, c); err != nil {
			return err
		}
		switch end {
		case 0:
			return errRollback
		case 1:
			panic(errPanic)
		case 2:
			_, _ = c.Exec(ctx, "select 1/0") // and go on as if nothing had been
		}
		return nil
	})
}

// cancelled cancels a statement that is running on the server for certain.
func (o *operation) cancelled(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	slow := func(ctx context.Context, c *tenancy.Conn) error {
		if _, err := c.Exec(ctx, "select 1"); err != nil { // has a connection, or in a Tx keeps it
			return err
		}
		time.AfterFunc(2*time.Millisecond, cancel)
		rows, err := c.Query(ctx, "select tenant_id from app.notes, pg_sleep(0.1) limit 3")
		if err != nil {
			return err
		}
		return o.check(rows)
	}
	if o.random.IntN(2) == 0 {
		_ = slow(ctx, o.w.db.For(o.scope))
	} else {
		_ = o.w.db.Tx(ctx, o.scope, slow)
	}
}

func (o *operation) savepoint(ctx context.Context, c *tenancy.Conn) error {
	if err := o.insert(ctx, c); err != nil {
		return err
	}
	switch o.random.IntN(3) {
	case 0:
		return errRollback
	case 1:
		_, _ = c.Exec(ctx, "select 1/0")
		return errRollback
	}
	return o.look(ctx, c)
}

// requireCleanConnections takes every connection out of the pool and asks it
// what it carries: no context, no transaction, no setting of the session's own.
func (w *world) requireCleanConnections(t *testing.T) {
	t.Helper()
	pool := w.db.Primary()
	conns := pool.AcquireAllIdle(t.Context())
	require.NotEmpty(t, conns)
	defer func() { // all of them, also when one is not clean: Close waits for them
		for _, conn := range conns {
			conn.Release()
		}
	}()
	for _, conn := range conns {
		require.Equal(t, byte('I'), conn.Conn().PgConn().TxStatus())
		var context, user, session, path string
		err := conn.QueryRow(t.Context(), `select coalesce(current_setting('watertight.context', true), ''),
			current_user, session_user, current_setting('search_path')`).Scan(&context, &user, &session, &path)
		require.NoError(t, err)
		require.Empty(t, context)
		require.Equal(t, session, user)
		require.Contains(t, []string{"", `""`}, path)
		// Without a context the very same connection sees nothing.
		_, err = conn.Exec(t.Context(), "select 1 from app.notes where $1", true)
		requireRefused(t, err, "watertight_context_missing")
	}
}
