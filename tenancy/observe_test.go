package tenancy_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// heard is what an observer heard of one operation.
type heard struct {
	tenancy.Operation
	inside string // the kind of the operation around it
	err    error
}

// ear is an observer that keeps what it hears, in the order of the ends.
type ear struct {
	mu   sync.Mutex
	ends []heard
}

type earKey struct{}

func (e *ear) Begin(ctx context.Context, op tenancy.Operation) (context.Context, func(error)) {
	around, _ := ctx.Value(earKey{}).(string)
	return context.WithValue(ctx, earKey{}, op.Kind), func(err error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.ends = append(e.ends, heard{op, around, err})
	}
}

// take returns what was heard since the last time.
func (e *ear) take() []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.ends
	e.ends = nil
	return list
}

func TestObserverHearsEveryOperation(t *testing.T) {
	t.Parallel()
	e := &ear{}
	w := newWorld(t, func(c *tenancy.Config) { c.Observer = e })
	e.take()
	ctx := t.Context()

	scope := w.admit(t, w.anna, w.a)
	got := e.take()
	require.Len(t, got, 2, "the admission, and the registry's statement in it")
	require.Equal(t, []string{"statement", "admission"}, []string{got[0].Kind, got[0].inside})
	require.Equal(t, tenancy.Operation{Kind: tenancy.OperationAdmission, Tenant: w.a, Action: "admit"}, got[1].Operation)

	c := w.db.For(scope)
	var body string
	require.NoError(t, c.QueryRow(ctx, "-- name: ReadNote :one\n"+readNote, w.a, int64(1)).Scan(&body))
	got = e.take()
	require.Len(t, got, 1)
	require.Equal(t, heard{Operation: tenancy.Operation{
		Kind: tenancy.OperationStatement, Tenant: w.a, Role: scope.Role(), Action: "ReadNote", Statements: 1,
	}}, got[0])

	_, err := c.Exec(ctx, "select 1/0")
	require.Error(t, err)
	got = e.take()
	require.Len(t, got, 1)
	require.ErrorContains(t, got[0].err, "division by zero")

	_, err = c.Exec(ctx, readNote, w.b, int64(1))
	require.ErrorIs(t, err, tenancy.ErrTenantMismatch)
	got = e.take()
	require.Len(t, got, 1, "what is not sent is heard of as well")
	require.ErrorIs(t, got[0].err, tenancy.ErrTenantMismatch)
	require.Equal(t, w.a, got[0].Tenant, "the handle's, not the other one's")

	_, err = w.db.Admit(ctx, w.anna, w.b)
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	got = e.take()
	require.ErrorIs(t, got[len(got)-1].err, tenancy.ErrNotAdmitted)

	var b pgx.Batch
	b.Queue(readNote, w.a, int64(1))
	b.Queue(readNote, w.a, int64(2))
	require.NoError(t, c.SendBatch(ctx, &b).Close())
	got = e.take()
	require.Len(t, got, 1)
	require.Equal(t, 2, got[0].Statements)
}

func TestObserverHearsTransactions(t *testing.T) {
	t.Parallel()
	e := &ear{}
	w := newWorld(t, func(c *tenancy.Config) { c.Observer = e })
	scope := w.admit(t, w.anna, w.a)
	e.take()
	read := func(ctx context.Context, c *tenancy.Conn) error {
		var body string
		return c.QueryRow(ctx, readNote, w.a, int64(1)).Scan(&body)
	}
	require.NoError(t, w.db.Tx(t.Context(), scope, read))
	got := e.take()
	require.Len(t, got, 2)
	require.Equal(t, []string{"statement", "transaction"}, []string{got[0].Kind, got[0].inside})
	require.Equal(t, tenancy.OperationTransaction, got[1].Kind)
	require.NoError(t, got[1].err)

	stop := errors.New("stop")
	require.ErrorIs(t, w.db.Tx(t.Context(), scope, func(context.Context, *tenancy.Conn) error { return stop }), stop)
	got = e.take()
	require.ErrorIs(t, got[0].err, stop)

	require.Panics(t, func() {
		_ = w.db.Tx(t.Context(), scope, func(context.Context, *tenancy.Conn) error { panic("no") })
	})
	got = e.take()
	require.Len(t, got, 1)
	require.ErrorContains(t, got[0].err, "panicked")
}
