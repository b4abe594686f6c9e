package lint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

const (
	tenantA = "a0000000-0000-0000-0000-000000000000"
	tenantB = "b0000000-0000-0000-0000-000000000000"
)

// worlds are two databases that differ in B's rows only.
type worlds struct {
	both, alone *pgx.Conn
	tables      []string
	dump        string // reads every row of every table
	seed        string // B's rows at the beginning
	ran         int    // executions that gave no error in at least one world
}

func newWorlds(t testing.TB) *worlds {
	t.Helper()
	w := &worlds{both: newWorld(t), alone: newWorld(t)}
	w.tables = tenantTables(t, w.alone)
	for _, table := range w.tables {
		mustExec(t, w.alone, "delete from only "+table+" where tenant_id::text like 'b%'")
	}
	mustExec(t, w.alone, "delete from tenants where id::text like 'b%'")
	mustExec(t, w.alone, "refresh materialized view booking_copy")
	parts := []string{
		"select 'tenants', id::text, t::text from tenants t", "select 'tags', '', t::text from tags t", "select 'countries', '', t::text from countries t",
	}
	for _, table := range w.tables {
		parts = append(parts, fmt.Sprintf("select '%s', tenant_id::text, t::text from only %s t", strings.ReplaceAll(table, "'", "''"), table))
	}
	w.dump = strings.Join(parts, " union all ") + " order by 1, 2, 3"
	_, w.seed = w.state(t, w.both)
	require.NotEmpty(t, w.seed)
	return w
}

func newWorld(t testing.TB) *pgx.Conn {
	t.Helper()
	db := pgtest.New(t, pgtest.Config{Empty: true})
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, db.AdminURL)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(ctx) })
	mustExec(t, conn, "set statement_timeout = '5s'")
	for _, file := range []string{"schema.sql", "seed.sql"} {
		src, err := os.ReadFile("testdata/corpus/" + file)
		require.NoError(t, err)
		mustExec(t, conn, string(src))
	}
	return conn
}

func mustExec(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	_, err := conn.PgConn().Exec(context.Background(), sql).ReadAll()
	require.NoError(t, err, sql)
}

func tenantTables(t testing.TB, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(context.Background(), `
		select format('%I.%I', n.nspname, c.relname) from pg_attribute a
		join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
		where a.attname = 'tenant_id' and c.relkind = 'r' and n.nspname in ('public', 'billing') order by 1`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(tables), 8)
	return tables
}

// state returns the rows of A (and of nobody), and those of B.
func (w *worlds) state(t testing.TB, conn *pgx.Conn) (own, others string) {
	t.Helper()
	res := conn.PgConn().ExecParams(context.Background(), w.dump, nil, nil, nil, nil).Read()
	require.NoError(t, res.Err)
	var a, b strings.Builder
	for _, row := range res.Rows {
		to := &a
		if strings.HasPrefix(string(row[1]), "b") {
			to = &b
		}
		fmt.Fprintf(to, "%s %s\n", row[0], row[2])
	}
	return a.String(), b.String()
}

// choices are the values that each parameter takes in turn, by type. They aim
// at rows of the other tenant: ids both have, ids only B has, B itself.
var choices = map[uint32][]string{
	2950: {"00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000004", tenantB, tenantA, "00000000-0000-0000-0000-000000000002", "00000000-0000-0000-0000-0000000000b1"},
	25:   {"same", "beta", "four@b", tenantB, "B first", "x"},
	1043: {"same", "beta", "four@b", tenantB, "B first", "x"},
	1042: {"same", "b", "beta", tenantB, "B first", "x"},
	23:   {"1", "4", "2", "0", "100", "9"},
	20:   {"1", "4", "2", "0", "100", "9"},
	16:   {"true", "false"},
	2951: {"{" + tenantA + "," + tenantB + "}", "{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000004}"},
}

// interference returns how B shows in what a query does for A, or "".
func (w *worlds) interference(t testing.TB, sql, tenant string) string {
	t.Helper()
	ctx := context.Background()
	text, number := executable(sql, tenant)
	desc, err := w.both.PgConn().Prepare(ctx, "", text, nil)
	if err != nil {
		return "invalid: " + err.Error()
	}
	for i := range 6 {
		for _, null := range []bool{false, true} {
			args, what := arguments(t, desc.ParamOIDs, number, i, null)
			if why := w.compare(t, text, args); why != "" {
				return why + " with " + what
			}
		}
		if len(desc.ParamOIDs) == 0 {
			break
		}
	}
	return ""
}

// arguments chooses the i-th values; the tenant is A, or NULL: a caller that
// has lost its tenant must get nothing.
func arguments(t testing.TB, oids []uint32, tenant, i int, null bool) ([][]byte, string) {
	t.Helper()
	args := make([][]byte, len(oids))
	var what []string
	for k, oid := range oids {
		values := choices[oid]
		require.NotEmpty(t, values, "no values for parameters of type %d", oid)
		v := values[i%len(values)]
		if k+1 == tenant {
			switch {
			case null:
				what = append(what, "no tenant")
				continue
			case oid == 2951:
				v = values[0]
			default:
				v = tenantA
			}
		}
		args[k] = []byte(v)
		what = append(what, v)
	}
	return args, strings.Join(what, ", ")
}

// compare runs a query in both worlds and takes everything back.
func (w *worlds) compare(t testing.TB, sql string, args [][]byte) string {
	t.Helper()
	both, ownBoth, others := w.run(t, w.both, sql, args)
	alone, ownAlone, _ := w.run(t, w.alone, sql, args)
	if !strings.HasPrefix(both, "error") || !strings.HasPrefix(alone, "error") {
		w.ran++
	}
	switch {
	case others != w.seed:
		return "B's rows change"
	case both != alone:
		return "A's result depends on B's rows"
	case ownBoth != ownAlone:
		return "A's rows depend on B's rows"
	}
	return ""
}

// writes matches statements that may change a row. Functions of the corpus do
// not.
var writes = regexp.MustCompile(`(?i)\b(insert|update|delete|merge|truncate)\b`)

func (w *worlds) run(t testing.TB, conn *pgx.Conn, sql string, args [][]byte) (result, own, others string) {
	t.Helper()
	ctx := context.Background()
	mustExec(t, conn, "begin; select setval('jobs_id_seq', 100); savepoint s")
	res := conn.PgConn().ExecParams(ctx, sql, args, nil, nil, nil).Read()
	if res.Err != nil {
		result = "error " + res.Err.Error()
		if pe, ok := errors.AsType[*pgconn.PgError](res.Err); ok {
			result = "error " + pe.Code
		}
		mustExec(t, conn, "rollback to s")
	} else {
		var rows []string
		for _, r := range res.Rows {
			rows = append(rows, fmt.Sprintf("%q", r))
		}
		// The order of rows without ORDER BY is nobody's promise.
		slices.Sort(rows)
		result = res.CommandTag.String() + strings.Join(rows, "\n")
	}
	if !writes.MatchString(sql) {
		own, others = "", w.seed // nothing to look at
	} else {
		own, others = w.state(t, conn)
	}
	mustExec(t, conn, "rollback")
	return result, own, others
}
