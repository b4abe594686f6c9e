package adopt

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// readsBlocking runs a statement, and returns the tables that it stops others
// from writing to, and of which it reads rows: a long lock in the making. The
// server counts the rows of a validation, a rewrite and an index's building
// like those of any other scan.
func readsBlocking(ctx context.Context, tx pgx.Tx, run func() error) (tables []string, err error) {
	before, err := scanned(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := run(); err != nil {
		return nil, err
	}
	after, err := scanned(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
select distinct l.relation::regclass::text from pg_locks l
where l.pid = pg_backend_pid() and l.granted and l.relation is not null
  and l.mode in ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')`)
	if err != nil {
		return nil, err
	}
	locked, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range locked {
		if after[name] > before[name] {
			tables = append(tables, name)
		}
	}
	return tables, err
}

// scanned counts the rows that this session has read, by table.
func scanned(ctx context.Context, tx pgx.Tx) (map[string]int64, error) {
	rows, err := tx.Query(ctx, `
select relid::regclass::text, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where schemaname not like 'watertight%'`)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	var (
		name string
		n    int64
	)
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { out[name] = n; return nil })
	return out, err
}

func TestNoStatementReadsRowsWhileOthersWait(t *testing.T) {
	t.Parallel()
	db, steps := adoptExample(t)
	seen := 0
	observe := func(ctx context.Context, tx pgx.Tx, statement string, run func() error) error {
		seen++
		tables, err := readsBlocking(ctx, tx, run)
		if err == nil && len(tables) > 0 {
			err = fmt.Errorf("it stops writers of %s and reads rows of it: %s", tables, statement)
		}
		return err
	}
	before := files(t, db.AdminURL)
	require.NoError(t, Apply(t.Context(), db.AdminURL, steps, Run{Rest: -1, observe: observe}))
	require.Equal(t, before, files(t, db.AdminURL), "no table was rewritten")
	require.NoError(t, Revert(t.Context(), db.AdminURL, steps, Run{To: 8, observe: observe}))
	require.Greater(t, seen, 200)
}

// The test must see what a careless migration does.
func TestLongLocksAreSeen(t *testing.T) {
	t.Parallel()
	db, _ := adoptExample(t)
	conn, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	for _, careless := range []string{
		"alter table addresses add constraint again foreign key (customer_id) references customers (id)",
		"alter table addresses add constraint long check (length(street) < 1000)",
		"alter table coupons alter column organization_id set not null",
		"create unique index again on addresses (id)",
		"alter table addresses add column stamp timestamptz not null default clock_timestamp()",
		"alter table addresses alter column id type text",
	} {
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		tables, err := readsBlocking(t.Context(), tx, func() error { _, err := tx.Exec(t.Context(), careless); return err })
		require.NoError(t, err)
		require.NotEmpty(t, tables, careless)
		require.NoError(t, tx.Rollback(t.Context()))
	}
}

// adoptExample is the database of examples/adopt, and the plan for it.
func adoptExample(t *testing.T) (*pgtest.Database, []*Step) {
	t.Helper()
	pgtest.New(t) // a database that uses Watertight's roles, so that a revert beside this does not drop them
	db := pgtest.New(t, pgtest.Config{Empty: true})
	role, _ := db.Login(t)
	conn, err := pgx.Connect(t.Context(), db.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	for _, name := range []string{"schema.sql", "rows.sql"} {
		sql, err := os.ReadFile("../examples/adopt/" + name)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), strings.ReplaceAll(string(sql), " to shop;", " to "+role+";"))
		require.NoError(t, err)
	}
	decisions, err := ReadDecisions("../examples/adopt/plan/decisions.yaml")
	require.NoError(t, err)
	plan, err := Read(t.Context(), conn, Config{Decisions: decisions})
	require.NoError(t, err)
	require.Empty(t, plan.Questions)
	return db, plan.Steps
}

// files are where the tables' rows lie: a table that is rewritten gets another.
func files(t *testing.T, url string) map[string]uint32 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), "select oid::regclass::text, relfilenode from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace")
	require.NoError(t, err)
	out := map[string]uint32{}
	var (
		name string
		file uint32
	)
	_, err = pgx.ForEachRow(rows, []any{&name, &file}, func() error { out[name] = file; return nil })
	require.NoError(t, err)
	require.NotEmpty(t, out)
	return out
}
