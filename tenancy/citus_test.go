package tenancy_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/pooler"
	"github.com/watertight-go/watertight/schema"
	"github.com/watertight-go/watertight/tenancy"
)

// useProfile is the profile for Citus on one server: the bodies, the policies
// and the transactions are those of a cluster, and nothing is distributed.
func (w *world) useProfile(t *testing.T) {
	t.Helper()
	report, err := schema.Migrate(t.Context(), w.AdminURL, schema.Config{Profile: schema.ProfileCitus})
	require.NoError(t, err)
	require.Equal(t, schema.ProfileCitus, report.Profile)
}

// batches writes down the statements of each batch.
type batches struct {
	mu   sync.Mutex
	sent []string
}

func (b *batches) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (b *batches) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, data.SQL)
}

func (b *batches) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (b *batches) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (b *batches) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (b *batches) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	sent := b.sent
	b.sent = nil
	return sent
}

// The policy without a subquery keeps tenants apart as the other one does, with
// no WHERE in the statement, and in each binding.
func TestTheProfileForCitusKeepsTenantsApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.useProfile(t)
	var subqueries int
	require.NoError(t, w.admin.QueryRow(t.Context(), "select count(*) from pg_policy where polqual::text ~ 'SUBLINK' or polwithcheck::text ~ 'SUBLINK'").Scan(&subqueries))
	require.Zero(t, subqueries)
	for name, binding := range map[string]tenancy.Binding{"session": tenancy.BindSession, "transaction": tenancy.BindTransaction, "none": tenancy.BindNone} {
		t.Run(name, func(t *testing.T) {
			pooler.Skip(t, "tenancy")
			db := w.open(t, func(c *tenancy.Config) { c.Binding = binding })
			s := w.admitOn(t, db, w.anna, w.a)
			c, ctx := db.For(s), t.Context()
			require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c), "its own rows, and nobody else's")
			require.NoError(t, db.Tx(ctx, s, func(ctx context.Context, c *tenancy.Conn) error {
				require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c))
				return nil
			}))
			for _, sql := range []string{"update app.notes set body = body || '!'", "delete from app.replies"} {
				_, err := c.Exec(ctx, sql)
				require.NoError(t, err)
			}
			_, err := c.Exec(ctx, fmt.Sprintf("insert into app.notes (tenant_id, id) values ('%s', 77)", w.b))
			requireSQLState(t, err, "42501")
			_, err = c.Exec(ctx, "insert into app.notes (tenant_id, id, body) values ($1, $2, $3)", w.a, int64(binding)+100, name)
			require.NoError(t, err, "the control: its own")
		})
	}
	var touched int
	require.NoError(t, w.admin.QueryRow(t.Context(), "select count(*) from app.notes where tenant_id = $1 and (body like '%!' or id = 77)", w.b.UUID()).Scan(&touched))
	require.Zero(t, touched, "nothing of the other tenant was written")
}

// Citus carries SET LOCAL to its workers inside an explicit transaction only.
// BEGIN and COMMIT travel with the statement, in one flush.
func TestTheProfileForCitusBeginsATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var seen batches
	one := func() []string {
		db := w.open(t, func(c *tenancy.Config) { c.Tracer = &seen })
		c := db.For(w.admitOn(t, db, w.anna, w.a))
		seen.take()
		_, err := c.Exec(t.Context(), readNote, w.a, int64(1))
		require.NoError(t, err)
		return seen.take()
	}
	const enter = "select watertight.enter($1), $2::bigint"
	require.Equal(t, []string{enter, readNote}, one(), "the control: the other profile")
	w.useProfile(t)
	require.Equal(t, []string{"begin", enter, readNote, "commit"}, one())

	// One round trip, and an error costs the statement, not the connection.
	p := newProxy(t, w.AppURL)
	db, err := tenancy.Open(t.Context(), p.url, w.config())
	require.NoError(t, err)
	t.Cleanup(db.Close)
	c := db.For(w.admitOn(t, db, w.anna, w.a))
	require.EqualValues(t, 1, p.count(t, func() {
		_, err := c.Exec(t.Context(), readNote, w.a, int64(1))
		require.NoError(t, err)
	}))
	opened := db.Stat().NewConnsCount()
	for range 5 {
		_, err := c.Exec(t.Context(), "select 1/$1::int", 0)
		requireSQLState(t, err, "22012")
		_, err = c.Exec(t.Context(), "insert into app.notes (tenant_id, id, body) values ($1, 9, 'of anna@alpha.example 1')", w.a)
		requireSQLState(t, err, "23505") // a deferred one: it shows at COMMIT
		require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), c))
	}
	require.Equal(t, opened, db.Stat().NewConnsCount())
}

// tenant() runs on workers, which have no table of the tenants: enter() is what
// refuses a tenant that was closed after somebody was admitted.
func TestTheProfileForCitusRefusesClosedTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.useProfile(t)
	db := w.open(t)
	a, b := db.For(w.admitOn(t, db, w.anna, w.a)), db.For(w.admitOn(t, db, w.bob, w.b))
	require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), a))
	for status, want := range map[string]error{"moving": tenancy.ErrMoving, "closing": tenancy.ErrNotAdmitted} {
		_, err := w.admin.Exec(t.Context(), "update watertight.tenants set status = $1 where id = $2", status, w.a.UUID())
		require.NoError(t, err)
		_, err = a.Exec(t.Context(), readNote, w.a, int64(1))
		require.ErrorIs(t, err, want)
		require.Equal(t, []tenancy.ID{w.b}, tenantsSeen(t, t.Context(), b), "the control: another tenant")
	}
}

// Open looks for a cluster and refuses what would not reach its workers. The
// cluster is pretended: see schema/testdata/citus_stub.sql.
func TestOpenOnCitusRefusesTheWrongProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stub, err := os.ReadFile(filepath.Join("..", "schema", "testdata", "citus_stub.sql"))
	require.NoError(t, err)
	_, err = w.admin.Exec(t.Context(), string(stub))
	require.NoError(t, err)
	cfg := w.config()
	cfg.Binding = tenancy.BindNone
	refuses := func(cfg tenancy.Config, url, reason string) {
		t.Helper()
		_, err := tenancy.Open(t.Context(), url, cfg)
		require.ErrorIs(t, err, tenancy.ErrUnsafeSchema)
		require.ErrorContains(t, err, reason)
	}
	refuses(cfg, w.AppURL, "watertight migrate --profile citus")
	_, later := w.Login(t, "in role watertight_app")
	w.useProfile(t)
	bound := w.config()
	bound.Binding = tenancy.BindSession
	refuses(bound, w.AppURL, "set Config.Binding to BindNone")
	_, latest := w.Login(t, "in role watertight_app")
	refuses(cfg, latest, "set citus.propagate_set_commands = 'local'")
	for _, url := range []string{w.AppURL, later} {
		db, err := tenancy.Open(t.Context(), url, cfg)
		require.NoError(t, err, "the control: a role that was there when the nodes were prepared")
		db.Close()
	}
	_, err = w.admin.Exec(t.Context(), "select watertight.unprotect('app.moods'); create policy p on app.moods as restrictive using (true)")
	require.NoError(t, err)
	refuses(cfg, w.AppURL, "policy p on app.moods is restrictive")
}

func requireSQLState(t *testing.T, err error, code string) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, code, pg.Code, pg.Message)
}
