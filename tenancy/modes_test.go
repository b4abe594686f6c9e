package tenancy_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

func contextBackground() context.Context { return context.Background() }

func withParam(url, param string) string {
	if strings.Contains(url, "?") {
		return url + "&" + param
	}
	return url + "?" + param
}

func TestExecModes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db, err := tenancy.Open(t.Context(), withParam(w.url, "default_query_exec_mode="+mode), w.config())
			require.NoError(t, err)
			t.Cleanup(db.Close)
			s := w.admitOn(t, db, w.anna, w.a)
			c := db.For(s)
			require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), c))
			var body string
			require.NoError(t, c.QueryRow(t.Context(), readNote, w.a, int64(1)).Scan(&body))
			require.Equal(t, "of anna@alpha.example 1", body)
			require.NoError(t, db.Tx(t.Context(), s, func(ctx context.Context, c *tenancy.Conn) error {
				require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c))
				return nil
			}))
			n, err := c.CopyFrom(t.Context(), pgx.Identifier{"app", "notes"}, []string{"tenant_id", "id", "body"},
				pgx.CopyFromRows([][]any{{w.a, int64(len(mode)) + 1000, mode}}))
			require.NoError(t, err)
			require.Equal(t, int64(1), n)
		})
	}
	_, err := w.asA(t).Exec(t.Context(), "select 1", pgx.QueryExecModeSimpleProtocol)
	require.ErrorContains(t, err, "not carried")
	_, err = w.asA(t).Query(t.Context(), "select 1", pgx.QueryResultFormats{1})
	require.ErrorContains(t, err, "not carried")
	_, err = w.asA(t).Exec(t.Context(), "select 1", escape{t})
	require.ErrorContains(t, err, "not carried")
}

// An argument that cannot be encoded is the caller's mistake: it costs neither
// the connection nor the transaction, in whatever way statements are sent.
func TestArgumentThatDoesNotFitInEveryMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unbound := func(c *tenancy.Config) { c.Binding = tenancy.BindNone }
	traced := func(c *tenancy.Config) { c.Tracer = &batches{} }
	for name, m := range map[string]struct {
		mode   string
		change func(*tenancy.Config)
	}{
		"session": {"cache_statement", nil}, "traced": {"cache_statement", traced},
		"cache_describe": {"cache_describe", nil}, "describe_exec": {"describe_exec", nil}, "exec": {"exec", nil},
		"unbound": {"cache_statement", unbound}, "unbound, exec": {"exec", unbound}, "unbound, describe_exec": {"describe_exec", unbound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := w.config()
			cfg.MaxConns = 1
			if m.change != nil {
				m.change(&cfg)
			}
			db, err := tenancy.Open(t.Context(), withParam(w.url, "default_query_exec_mode="+m.mode), cfg)
			require.NoError(t, err)
			t.Cleanup(db.Close)
			s := w.admitOn(t, db, w.anna, w.a)
			require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, t.Context(), db.For(s)))
			_, err = db.For(s).Exec(t.Context(), "select $1::int", func() {})
			requireMisfit(t, err)
			require.NoError(t, db.Tx(t.Context(), s, func(ctx context.Context, c *tenancy.Conn) error {
				require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c))
				_, err := c.Exec(ctx, "select $1::int", func() {})
				requireMisfit(t, err)
				require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c), "the transaction goes on")
				return nil
			}))
			require.Equal(t, int64(1), db.Stat().NewConnsCount(), "the connection is still there")
		})
	}
}

func requireMisfit(t testing.TB, err error) {
	t.Helper()
	require.ErrorContains(t, err, "an argument does not fit its parameter")
	require.NotErrorIs(t, err, tenancy.ErrProtocol)
}

// escape is a query rewriter and a row scanner that wants the connection.
type escape struct{ t *testing.T }

func (e escape) RewriteQuery(_ context.Context, conn *pgx.Conn, sql string, args []any) (string, []any, error) {
	e.t.Error("a query rewriter was called")
	return sql, args, nil
}

func (e escape) ScanRow(rows pgx.Rows) error {
	require.Nil(e.t, rows.Conn())
	var n int
	return rows.Scan(&n)
}

func TestNoWayToTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.asA(t), t.Context()
	rows, err := c.Query(ctx, "select 1")
	require.NoError(t, err)
	require.Nil(t, rows.Conn())
	require.True(t, rows.Next())
	require.NoError(t, rows.Scan(escape{t}))
	rows.Close()
	require.Nil(t, rows.Conn())
	require.NoError(t, c.QueryRow(ctx, "select 1").Scan(escape{t}))

	var b pgx.Batch
	b.Queue("select 1").Query(func(rows pgx.Rows) error {
		require.Nil(t, rows.Conn())
		return nil
	})
	b.Queue("select 1").QueryRow(func(row pgx.Row) error { return row.Scan(escape{t}) })
	tags := 0
	b.Queue("select 1").Exec(func(pgconn.CommandTag) error { tags++; return nil })
	results := c.SendBatch(ctx, &b)
	require.Nil(t, results.Tx())
	require.NoError(t, results.Close())
	require.Equal(t, 1, tags, "positive control: the callbacks ran")

	var begun pgx.Batch
	begun.BeginTx(pgx.TxOptions{})
	require.ErrorIs(t, c.SendBatch(ctx, &begun).Close(), tenancy.ErrStatement)
}

func TestRowsBehaveAsPgxs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.asA(t), t.Context()
	rows, err := c.Query(ctx, "select id, body from app.notes where tenant_id = @t order by id", pgx.NamedArgs{"t": w.a})
	require.NoError(t, err)
	type note struct {
		ID   int64
		Body string
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[note])
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Equal(t, "of anna@alpha.example 2", list[1].Body)
	require.Equal(t, "SELECT 3", rows.CommandTag().String())

	require.ErrorIs(t, c.QueryRow(ctx, readNote, w.a, int64(99)).Scan(new(string)), pgx.ErrNoRows)
	require.Error(t, c.QueryRow(ctx, "select 'x'").Scan(new(int)))
	rows, _ = c.Query(ctx, "select 1/0")
	_, err = pgx.CollectRows(rows, pgx.RowTo[int])
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "22012", pg.Code)
	_, err = c.Exec(ctx, "select $1::int", struct{ secret string }{"hunter2"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2", "the argument stays out of the text")
	require.Equal(t, []tenancy.ID{w.a}, tenantsSeen(t, ctx, c))
}

func TestCopyFromCarriesEveryType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(t, `create domain app.short as text check (length(value) < 10);
		create table app.wide (tenant_id uuid not null, id bigint not null, u uuid, t text, b bool, f float8, n numeric, ts timestamptz,
			j jsonb, ip inet, by bytea, mood app.mood, d app.short, day date, primary key (tenant_id, id));
		select watertight.protect('app.wide')`)
	c, ctx := w.asA(t), t.Context()
	columns := []string{"tenant_id", "id", "u", "t", "b", "f", "n", "ts", "j", "ip", "by", "mood", "d", "day"}
	now := time.Now().UTC().Truncate(time.Microsecond)
	const many = 2345 // more than two chunks, and a rest
	n, err := c.CopyFrom(ctx, pgx.Identifier{"app", "wide"}, columns, pgx.CopyFromSlice(many, func(i int) ([]any, error) {
		if i%3 == 0 {
			return []any{w.a, int64(i), nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil}, nil
		}
		return []any{w.a, int64(i), uuid.New(), "t", true, 1.5, int64(3), now, map[string]any{"k": "v"}, netip.MustParseAddr("192.0.2.1"), []byte{1}, "good", "short", now}, nil
	}))
	require.NoError(t, err)
	require.Equal(t, int64(many), n)
	var count, moods int
	var at time.Time
	require.NoError(t, c.QueryRow(ctx, "select count(*), count(mood), max(ts) from app.wide where tenant_id = $1", w.a).Scan(&count, &moods, &at))
	require.Equal(t, []any{many, many * 2 / 3}, []any{count, moods})
	require.Equal(t, now, at.UTC())

	n, err = c.CopyFrom(ctx, pgx.Identifier{"app", "notes"}, []string{"tenant_id", "id", "tags", "body"}, pgx.CopyFromRows([][]any{
		{w.a, int64(100), []string{"x", "y"}, "copied"}, {w.a, int64(101), []string{}, "copied too"},
	}))
	require.NoError(t, err)
	require.Equal(t, int64(2), n)
	var tags []string
	require.NoError(t, c.QueryRow(ctx, "select tags from app.notes where tenant_id = $1 and id = 100", w.a).Scan(&tags))
	require.Equal(t, []string{"x", "y"}, tags)

	_, err = c.CopyFrom(ctx, pgx.Identifier{"app", "notes"}, []string{"tenant_id", "id", "nosuch"}, pgx.CopyFromRows([][]any{{w.a, 1, 1}}))
	require.ErrorContains(t, err, "nosuch")
	_, err = c.CopyFrom(ctx, pgx.Identifier{"app", "notes"}, []string{"tenant_id", "id", "body"}, pgx.CopyFromRows([][]any{{w.a, int64(200), "fine"}, {w.a, int64(100), "again"}}))
	require.ErrorContains(t, err, "duplicate key")
	require.ErrorIs(t, c.QueryRow(ctx, readNote, w.a, int64(200)).Scan(new(string)), pgx.ErrNoRows, "all or nothing")
}

// A statement that was prepared when a column had another type fails once, and is
// then what it would be on a new connection.
func TestColumnGetsAnotherType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(t, `create table app.codes (tenant_id uuid not null, id bigint not null, code int not null, primary key (tenant_id, id));
		select watertight.protect('app.codes')`)
	w.db = w.open(t, func(c *tenancy.Config) { c.MaxConns = 1 })
	c := w.asA(t)
	add := func(id int64, code string) error {
		_, err := c.Exec(t.Context(), "insert into app.codes (tenant_id, id, code) values ($1, $2, $3)", w.a, id, code)
		return err
	}
	require.NoError(t, add(1, "12"))
	w.Exec(t, "alter table app.codes alter code type text")
	var pg *pgconn.PgError
	require.ErrorAs(t, add(2, "x12"), &pg)
	require.Equal(t, "22P02", pg.Code)
	require.NoError(t, add(2, "x12"))
}

func TestErrorsCarryNoRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.asA(t).Exec(t.Context(), "insert into app.moods (tenant_id, id, mood) values ($1, 1, 'good'), ($1, 1, 'bad')", w.a)
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "23505", pg.Code)
	require.Empty(t, pg.Detail+pg.Hint+pg.Where+pg.InternalQuery)
	_, err = w.asA(t).Exec(t.Context(), "select moot from app.moods")
	require.ErrorAs(t, err, &pg)
	require.Empty(t, pg.Hint)

	db := w.open(t, func(c *tenancy.Config) { c.VerboseErrors = true })
	_, err = db.For(w.admitOn(t, db, w.anna, w.a)).Exec(t.Context(), "insert into app.moods (tenant_id, id, mood) values ($1, 1, 'good'), ($1, 1, 'bad')", w.a)
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "23505", pg.Code)
	_, err = db.For(w.admitOn(t, db, w.anna, w.a)).Exec(t.Context(), "select moot from app.moods")
	require.ErrorAs(t, err, &pg)
	require.Contains(t, pg.Hint, "Perhaps", "positive control")
}

func TestLostConnectionLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *tenancy.Config) { c.MaxConns = 1 })
	s := w.admit(t, w.anna, w.a)
	kill := func() {
		t.Helper()
		_, err := w.admin.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'watertight_app'")
		require.NoError(t, err)
	}
	err := w.db.Tx(t.Context(), s, func(ctx context.Context, c *tenancy.Conn) error {
		_, err := c.Exec(ctx, addNote, w.a, int64(40), "lost")
		require.NoError(t, err)
		kill()
		_, err = c.Exec(ctx, "select 1")
		require.Error(t, err)
		return nil
	})
	require.ErrorIs(t, err, tenancy.ErrRolledBack)
	require.Eventually(t, func() bool { return w.db.For(s).QueryRow(t.Context(), "select 1").Scan(new(int)) == nil }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 3, w.notes(t), "the write was not acknowledged, and is not there")

	rows, err := w.db.For(s).Query(t.Context(), "select g from generate_series(1, 1000000) g")
	require.NoError(t, err)
	require.True(t, rows.Next())
	kill()
	for rows.Next() {
	}
	require.Error(t, rows.Err())
	require.Eventually(t, func() bool { return w.db.For(s).QueryRow(t.Context(), "select 1").Scan(new(int)) == nil }, 10*time.Second, 10*time.Millisecond)
	w.requireCleanConnections(t)
}
