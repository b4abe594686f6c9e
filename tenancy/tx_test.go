package tenancy_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

const addNote = "insert into app.notes (tenant_id, id, body) values ($1, $2, $3)"

// notes counts A's notes, through a handle of its own.
func (w *world) notes(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, w.asA(t).QueryRow(t.Context(), "select count(*) from app.notes where tenant_id = $1", w.a).Scan(&n))
	return n
}

func TestTxCommitsAndRollsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *tenancy.Config) { c.MaxConns = 1 })
	s := w.admit(t, w.anna, w.a)
	add := func(id int64) func(context.Context, *tenancy.Conn) error {
		return func(ctx context.Context, c *tenancy.Conn) error {
			_, err := c.Exec(ctx, addNote, w.a, id, "tx")
			return err
		}
	}
	require.NoError(t, w.db.Tx(t.Context(), s, add(10)))
	require.Equal(t, 4, w.notes(t))

	mine := errors.New("mine")
	err := w.db.Tx(t.Context(), s, func(ctx context.Context, c *tenancy.Conn) error {
		require.NoError(t, add(11)(ctx, c))
		return mine
	})
	require.Equal(t, mine, err, "the error of fn as is")
	require.Equal(t, 4, w.notes(t))

	require.PanicsWithValue(t, "on purpose", func() {
		_ = w.db.Tx(t.Context(), s, func(ctx context.Context, c *tenancy.Conn) error {
			require.NoError(t, add(12)(ctx, c))
			panic("on purpose")
		})
	})
	require.Equal(t, 4, w.notes(t))

	err = w.db.Tx(t.Context(), s, func(ctx context.Context, c *tenancy.Conn) error {
		require.NoError(t, add(13)(ctx, c))
		_, err := c.Exec(ctx, "select 1/0")
		require.Error(t, err)
		return nil // and the caller believes it
	})
	require.ErrorIs(t, err, tenancy.ErrRolledBack)
	require.Equal(t, 4, w.notes(t))
	require.Equal(t, int64(1), w.db.Stat().NewConnsCount(), "none of it cost the connection")
}

func TestCommitErrorReachesTheStatementThatCausedIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.asA(t), t.Context()
	orphan := "insert into app.replies (tenant_id, id, note_id) values ($1, $2, 999)"
	requireOrphan := func(err error) {
		t.Helper()
		var pg *pgconn.PgError
		require.ErrorAs(t, err, &pg)
		require.Equal(t, "23503", pg.Code)
	}

	_, err := c.Exec(ctx, "insert into app.replies (tenant_id, id, note_id) values ($1, 100, 1)", w.a)
	require.NoError(t, err, "positive control: the parent exists")

	_, err = c.Exec(ctx, orphan, w.a, int64(1))
	requireOrphan(err)

	var id int64
	requireOrphan(c.QueryRow(ctx, orphan+" returning id", w.a, int64(2)).Scan(&id))

	rows, err := c.Query(ctx, orphan+" returning id", w.a, int64(3))
	require.NoError(t, err)
	for rows.Next() {
		require.NoError(t, rows.Scan(&id))
	}
	requireOrphan(rows.Err())

	rows, err = c.Query(ctx, orphan+" returning id", w.a, int64(4))
	require.NoError(t, err)
	rows.Close() // early
	requireOrphan(rows.Err())

	var b pgx.Batch
	b.Queue(orphan, w.a, int64(5))
	requireOrphan(c.SendBatch(ctx, &b).Close())

	requireOrphan(w.db.Tx(ctx, w.admit(t, w.anna, w.a), func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, orphan, w.a, int64(6))
		require.NoError(t, err, "inside a transaction the commit comes later")
		return nil
	}))

	var n int
	require.NoError(t, c.QueryRow(ctx, "select count(*) from app.replies").Scan(&n))
	require.Equal(t, 1, n, "nothing of it was written")
}

func TestSavepoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.admit(t, w.anna, w.a)
	mine := errors.New("mine")
	err := w.db.Tx(t.Context(), s, func(ctx context.Context, c *tenancy.Conn) error {
		// First of all, so that it has to bring BEGIN and the context along.
		require.NoError(t, c.Savepoint(ctx, func(ctx context.Context, c *tenancy.Conn) error {
			_, err := c.Exec(ctx, addNote, w.a, int64(20), "kept")
			return err
		}))
		require.ErrorIs(t, c.Savepoint(ctx, func(ctx context.Context, c *tenancy.Conn) error {
			_, err := c.Exec(ctx, addNote, w.a, int64(21), "undone")
			require.NoError(t, err)
			_, err = c.Exec(ctx, "select 1/0")
			require.Error(t, err)
			return mine
		}), mine)
		require.Panics(t, func() {
			_ = c.Savepoint(ctx, func(ctx context.Context, c *tenancy.Conn) error {
				_, _ = c.Exec(ctx, addNote, w.a, int64(22), "undone")
				panic("on purpose")
			})
		})
		require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c), "the context is still there")
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 4, w.notes(t))
	require.ErrorContains(t, w.asA(t).Savepoint(t.Context(), nil), "needs a transaction")
}

func TestTenantsDoNotNest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.admit(t, w.anna, w.a), w.admit(t, w.bob, w.b)
	err := w.db.Tx(t.Context(), a, func(ctx context.Context, c *tenancy.Conn) error {
		nothing := func(context.Context, *tenancy.Conn) error { t.Error("ran"); return nil }
		require.ErrorIs(t, w.db.Tx(ctx, b, nothing), tenancy.ErrTenantMismatch)
		require.ErrorIs(t, w.db.ReadTx(ctx, b, nothing), tenancy.ErrTenantMismatch)
		require.ErrorContains(t, w.db.Tx(ctx, a, nothing), "already open")
		_, err := w.db.For(b).Exec(ctx, "select 1")
		require.ErrorIs(t, err, tenancy.ErrTenantMismatch)
		require.ErrorIs(t, w.db.EachTenant(ctx, "job", func(context.Context, tenancy.Scope, *tenancy.Conn) error {
			t.Error("ran")
			return nil
		}), tenancy.ErrTenantMismatch)
		_, err = w.db.For(a).Exec(ctx, "select 1")
		require.NoError(t, err, "positive control: the same tenant")
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, w.db.Tx(t.Context(), b, func(ctx context.Context, c *tenancy.Conn) error {
		require.Equal(t, []tenancy.ID{w.b}, tenantsSeen(t, ctx, c))
		return nil
	}), "positive control: afterwards")
}

func TestHandleEndsWithItsTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var kept *tenancy.Conn
	var keptCtx context.Context
	require.NoError(t, w.db.Tx(t.Context(), w.admit(t, w.anna, w.a), func(ctx context.Context, c *tenancy.Conn) error {
		kept, keptCtx = c, ctx
		_, err := c.Exec(ctx, "select 1")
		return err
	}))
	_, err := kept.Exec(t.Context(), "select 1")
	require.ErrorIs(t, err, tenancy.ErrTxDone)
	_, err = kept.Query(t.Context(), "select 1")
	require.ErrorIs(t, err, tenancy.ErrTxDone)
	require.ErrorIs(t, kept.QueryRow(t.Context(), "select 1").Scan(), tenancy.ErrTxDone)
	var b pgx.Batch
	b.Queue("select 1")
	require.ErrorIs(t, kept.SendBatch(t.Context(), &b).Close(), tenancy.ErrTxDone)
	_, err = kept.CopyFrom(t.Context(), pgx.Identifier{"app", "notes"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}}))
	require.ErrorIs(t, err, tenancy.ErrTxDone)
	require.ErrorIs(t, kept.Savepoint(t.Context(), nil), tenancy.ErrTxDone)

	_, err = w.asB(t).Exec(keptCtx, "select 1")
	require.NoError(t, err, "the context of an ended transaction binds to nothing")

	closed := w.open(t)
	c := closed.For(w.admitOn(t, closed, w.anna, w.a))
	_, err = c.Exec(t.Context(), "select 1")
	require.NoError(t, err, "positive control")
	closed.Close()
	_, err = c.Exec(t.Context(), "select 1")
	require.ErrorIs(t, err, tenancy.ErrTxDone)
}

func (w *world) admitOn(t *testing.T, db *tenancy.DB, a tenancy.Actor, id tenancy.ID) tenancy.Scope {
	t.Helper()
	s, err := db.Admit(t.Context(), a, id)
	require.NoError(t, err)
	return s
}

func TestZeroValuesRefuseEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.open(t)
	foreign := w.admitOn(t, other, w.anna, w.a)
	for name, c := range map[string]*tenancy.Conn{
		"nil": nil, "zero": {}, "of a zero scope": w.db.For(tenancy.Scope{}), "of another DB's scope": w.db.For(foreign),
	} {
		_, err := c.Exec(t.Context(), "select 1")
		require.ErrorIs(t, err, tenancy.ErrNoTenant, name)
		rows, err := c.Query(t.Context(), "select 1")
		require.ErrorIs(t, err, tenancy.ErrNoTenant, name)
		require.False(t, rows.Next())
		rows.Close()
		require.ErrorIs(t, rows.Err(), tenancy.ErrNoTenant)
		require.ErrorIs(t, c.QueryRow(t.Context(), "select 1").Scan(), tenancy.ErrNoTenant, name)
		var b pgx.Batch
		b.Queue("select 1")
		require.ErrorIs(t, c.SendBatch(t.Context(), &b).Close(), tenancy.ErrNoTenant, name)
		_, err = c.CopyFrom(t.Context(), pgx.Identifier{"app", "notes"}, []string{"id"}, pgx.CopyFromRows(nil))
		require.ErrorIs(t, err, tenancy.ErrNoTenant, name)
	}
	nothing := func(context.Context, *tenancy.Conn) error { t.Error("ran"); return nil }
	require.ErrorIs(t, w.db.Tx(t.Context(), tenancy.Scope{}, nothing), tenancy.ErrNoTenant)
	require.ErrorIs(t, w.db.Tx(t.Context(), foreign, nothing), tenancy.ErrNoTenant)
	_, err := w.db.Admit(t.Context(), w.anna, tenancy.ID{})
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	_, err = w.db.AdmitJob(t.Context(), tenancy.ID{}, "job")
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
}

func TestMismatchedTenantSendsNothing(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	w := newWorld(t, func(c *tenancy.Config) { c.Tracer = counter{&sent} })
	c, ctx := w.asA(t), t.Context()
	before := sent.Load()
	for name, arg := range map[string]any{
		"plain": w.b, "slice": []tenancy.ID{w.a, w.b}, "struct": row{TenantID: w.b}, "zero": tenancy.ID{}, "pointer to none": (*tenancy.ID)(nil),
	} {
		want := tenancy.ErrTenantMismatch
		if name == "zero" || name == "pointer to none" {
			want = tenancy.ErrNoTenant
		}
		_, err := c.Exec(ctx, "select $1", arg)
		require.ErrorIs(t, err, want, name)
		_, err = c.Query(ctx, "select @x", pgx.NamedArgs{"x": arg})
		require.ErrorIs(t, err, want, name)
		var b pgx.Batch
		b.Queue("select $1", w.a)
		b.Queue("select $1", arg)
		require.ErrorIs(t, c.SendBatch(ctx, &b).Close(), want, name)
	}
	require.Equal(t, before, sent.Load(), "nothing was sent")
	columns := []string{"tenant_id", "id"}
	n, err := c.CopyFrom(ctx, pgx.Identifier{"app", "notes"}, columns, pgx.CopyFromRows([][]any{{w.a, 50}, {w.b, 51}}))
	require.ErrorIs(t, err, tenancy.ErrTenantMismatch)
	require.Zero(t, n)
	require.Equal(t, 3, w.notes(t))
	n, err = c.CopyFrom(ctx, pgx.Identifier{"app", "notes"}, append(columns, "body"), pgx.CopyFromRows([][]any{{w.a, 50, "x"}, {w.a, 51, "y"}}))
	require.NoError(t, err, "positive control")
	require.Equal(t, int64(2), n)
	require.Greater(t, sent.Load(), before, "positive control: the tracer counts")
}

// counter counts what reaches pgx.
type counter struct{ sent *atomic.Int64 }

func (c counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.sent.Add(1)
	return ctx
}
func (counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.sent.Add(1)
	return ctx
}
func (counter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func TestReadTxWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.admit(t, w.anna, w.a)
	err := w.db.ReadTx(t.Context(), s, func(ctx context.Context, c *tenancy.Conn) error {
		require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c), "positive control")
		_, err := c.Exec(ctx, addNote, w.a, int64(30), "x")
		return err
	})
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "25006", pg.Code)
	require.Equal(t, 3, w.notes(t))
}

func TestOneResultAtATimeInATx(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.db.Tx(t.Context(), w.admit(t, w.anna, w.a), func(ctx context.Context, c *tenancy.Conn) error {
		rows, err := c.Query(ctx, "select id from app.notes")
		require.NoError(t, err)
		_, err = c.Exec(ctx, "select 1")
		require.ErrorIs(t, err, tenancy.ErrBusy)
		rows.Close()
		_, err = c.Exec(ctx, "select 1")
		return err
	})
	require.NoError(t, err)
	err = w.db.Tx(t.Context(), w.admit(t, w.anna, w.a), func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Query(ctx, "select id from app.notes") // never closed
		return err
	})
	require.ErrorIs(t, err, tenancy.ErrBusy)
	require.Equal(t, []tenancy.ID{w.b}, tenantsSeen(t, t.Context(), w.asB(t)))
}

// ReadTx goes to ReplicaURL; here that is the same server with another login,
// so that the two can be told apart.
func TestReadTxGoesToTheReplica(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login, url := w.Login(t, "in role watertight_app")
	db := w.open(t, func(c *tenancy.Config) { c.ReplicaURL = url })
	s := w.admitOn(t, db, w.anna, w.a)
	var user string
	ask := func(ctx context.Context, c *tenancy.Conn) error {
		require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c))
		return c.QueryRow(ctx, "select session_user").Scan(&user)
	}
	require.NoError(t, db.ReadTx(t.Context(), s, ask))
	require.Equal(t, login, user)
	require.NoError(t, db.Tx(t.Context(), s, ask))
	require.NotEqual(t, login, user)

	cfg := w.config()
	cfg.ReplicaURL = w.AdminURL
	_, err := tenancy.Open(t.Context(), w.url, cfg)
	require.ErrorIs(t, err, tenancy.ErrUnsafeRole, "the replica's role is checked as well")
}

// A tenant's named lock keeps out its own transactions, and nobody else's.
func TestNamedLocksAreTheTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const lock = "select watertight.xact_lock('invoice')"
	err := w.db.Tx(t.Context(), w.admit(t, w.anna, w.a), func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, lock)
		require.NoError(t, err)
		_, err = w.asB(t).Exec(t.Context(), lock)
		require.NoError(t, err, "another tenant has a lock of the same name")
		short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err = w.asA(t).Exec(short, lock)
		require.ErrorIs(t, err, context.DeadlineExceeded, "the same tenant waits")
		return nil
	})
	require.NoError(t, err)
}
