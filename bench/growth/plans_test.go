package main

import (
	_ "embed"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/bench/internal/plans"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

//go:embed fill_test.sql
var fill string

// largest is the tenant that has most rows, and the worst that a plan meets.
const largest = "00000000-0000-4000-8000-000000000001"

// value is an argument for a type.
func value(typeName string) string {
	switch {
	case typeName == "uuid":
		return "'" + largest + "'"
	case strings.HasSuffix(typeName, "[]"), strings.HasPrefix(typeName, "json"):
		return "'{}'"
	case strings.HasPrefix(typeName, "timestamp"), typeName == "date":
		return "now()"
	case typeName == "double precision", strings.HasPrefix(typeName, "int"), typeName == "smallint", typeName == "bigint", typeName == "numeric":
		return "10"
	case typeName == "boolean":
		return "true"
	case typeName == "inet":
		return "'192.0.2.1'"
	case typeName == "interval":
		return "'1 hour'"
	}
	return "'value 1'"
}

// Every query of the library and of the example, over tables with many rows
// that are spread unevenly, goes by an index into the tenant's rows: with the
// plan for the largest tenant, and with the plan for any.
func TestNoQueryReadsAWholeTenantTable(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../../examples/bookings/platform/schema.sql")
	require.NoError(t, err)
	d := pgtest.New(t, pgtest.Config{Setup: []string{string(example)}})
	admin, err := pgx.Connect(t.Context(), d.AdminURL)
	require.NoError(t, err)
	defer admin.Close(t.Context())
	_, err = admin.Exec(t.Context(), fill)
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), "vacuum analyze")
	require.NoError(t, err)
	rows, err := admin.Query(t.Context(), `select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped where c.relkind in ('r', 'p')`)
	require.NoError(t, err)
	tenantTables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, tenantTables)

	for _, mode := range plans.Modes {
		app, err := plans.Connect(t.Context(), d.AppURL, mode)
		require.NoError(t, err)
		defer app.Close(t.Context())
		for _, dir := range []string{"../../query", "../../examples/bookings/store"} {
			queries := queriesOf(t, dir)
			require.NotEmpty(t, queries, dir)
			for _, name := range slices.Sorted(maps.Keys(queries)) {
				plan, err := plans.Of(t.Context(), app, queries[name], value)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				for _, table := range plan.WholeTables() {
					if slices.Contains(tenantTables, table) {
						t.Errorf("%s, %s: reads all of %s", name, mode, table)
					}
				}
			}
		}
	}
	// What the test sees where no index leads.
	for _, sql := range []string{
		"select id from app.appointments where minutes = $1",
		"select id from app.appointments order by tenant_id, id limit 5", // by an index, and through all of it
	} {
		plan, err := plans.Of(t.Context(), admin, sql, value)
		require.NoError(t, err)
		require.Equal(t, []string{"app.appointments"}, plan.WholeTables(), sql)
	}
}

// queriesOf reads the queries that sqlc wrote into a package, by name.
func queriesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.sql.go"))
	require.NoError(t, err)
	found := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				sql, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				if rest, ok := strings.CutPrefix(sql, "-- name: "); ok {
					name, _, _ := strings.Cut(rest, " ")
					found[filepath.Base(dir)+"."+name] = sql
				}
			}
			return true
		})
	}
	return found
}
