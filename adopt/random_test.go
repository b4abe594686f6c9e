package adopt_test

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/adopt"
	"github.com/watertight-go/watertight/inspect"
	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

var (
	seeds  = flag.Int("seeds", 2, "how many random schemas to adopt")
	first  = flag.Int("seed", 1, "the first of them")
	attack = flag.Bool("attack", false, "attack every one of them, which takes long")
)

// Schemas that nobody wrote end watertight, or stop with the list of what was
// planted in them, and come back to what they were.
func TestRandomSchemas(t *testing.T) {
	t.Parallel()
	for i := range *seeds {
		seed := uint64(*first + i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			adoptShape(t, seed, *attack || i == 0)
		})
	}
}

func adoptShape(t *testing.T, seed uint64, attacked bool) {
	s := newShape(seed)
	db := emptyDatabase(t)
	conn := connect(t, db.AdminURL)
	role, roleURL := db.Login(t)
	script := s.sql.String()
	for _, schema := range s.schemas {
		script += fmt.Sprintf("grant usage on schema %[1]s to %[2]s; grant select, insert, update, delete on all tables in schema %[1]s to %[2]s; grant usage on all sequences in schema %[1]s to %[2]s;\n", schema, role)
	}
	if os.Getenv("SHOW") != "" {
		t.Log(script)
	}
	run(t, conn, script)
	old := connect(t, roleURL)
	for _, sql := range append(s.rows(1), s.plant()...) {
		run(t, old, sql)
	}
	before := fingerprint(t, conn)

	plan := s.answer(t, db.AdminURL, conn)
	steps := write(t, plan)
	expand := 0
	for _, step := range steps {
		if !step.Contract {
			expand = step.Number
		}
	}
	require.NoError(t, adopt.Apply(t.Context(), db.AdminURL, steps, adopt.Run{To: expand, Rest: -1}))
	for _, sql := range s.rows(2) {
		run(t, old, sql) // the application as it was
	}
	rows := contents(t, conn, plan)
	require.NoError(t, old.Close(t.Context()))
	require.NoError(t, adopt.Apply(t.Context(), db.AdminURL, steps, adopt.Run{}))
	require.Equal(t, rows, contents(t, conn, plan), "no row has changed")
	// A column that is named tenant_id and is not the tenant's gets values from
	// leaktest that do not fit: it says then that nothing was proved.
	proveShape(t, db, conn, []string{plan.Column, "tenant_id"}, attacked && (plan.Column == "tenant_id" || s.column != "tenant_id"))

	require.NoError(t, conn.Close(t.Context()))
	require.NoError(t, adopt.Revert(t.Context(), db.AdminURL, steps, adopt.Run{}))
	conn = connect(t, db.AdminURL)
	require.Equal(t, before, fingerprint(t, conn), "the way back leads to what was before")
	require.Equal(t, rows, contents(t, conn, plan))
}

func run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql)
	require.NoError(t, err, sql)
}

// answer answers as a person would, and requires that nothing is asked but what
// there is to ask, with the numbers that were planted.
func (s *shape) answer(t *testing.T, url string, conn *pgx.Conn) *adopt.Plan {
	t.Helper()
	cfg := adopt.Config{
		TenantTable: s.root.name, TenantColumn: strings.Trim(s.column, `"`),
		Decisions: adopt.Decisions{Tables: map[string]adopt.TableDecision{}, References: map[string]string{}, Functions: map[string]string{}},
	}
	counted := map[string]int64{}
	for range 4 {
		plan := read(t, url, cfg)
		decided := false
		for _, q := range plan.Questions {
			decided = decided || q.Kind != "two-tenants"
			switch q.Kind {
			case "no-way":
				require.Contains(t, []string{"shared", "closed"}, s.decisions[q.Object], q.Message)
				cfg.Decisions.Tables[q.Object] = adopt.TableDecision{Kind: s.decisions[q.Object]}
			case "two-ways":
				require.Equal(t, "column", s.decisions[q.Object], q.Message)
				cfg.Decisions.Tables[q.Object] = adopt.TableDecision{Column: strings.Trim(s.column, `"`)}
			case "second-tenant":
				cfg.Decisions.References[q.Object] = "drop"
			case "definer":
				cfg.Decisions.Functions[q.Object] = s.decisions[q.Object]
			case "two-tenants":
				counted[q.Object] = q.Rows
			default:
				t.Fatalf("%s: %s", q.Kind, q.Message)
			}
		}
		if len(plan.Questions) == 0 {
			require.Equal(t, s.planted, counted, "what was planted is what was found")
			return plan
		}
		if !decided { // first decide, then count again, then mend
			for _, sql := range s.mend {
				run(t, conn, sql)
			}
		}
	}
	t.Fatal("the questions do not end")
	return nil
}

func proveShape(t *testing.T, db *pgtest.Database, conn *pgx.Conn, columns []string, attacked bool) {
	t.Helper()
	report, err := inspect.Check(t.Context(), conn, inspect.Config{AppRole: "watertight_app", TenantColumns: columns})
	require.NoError(t, err)
	for _, f := range report.Findings {
		require.NotEqual(t, "error", f.Severity, "%s %s", f.Rule, f.Message)
	}
	var stale int
	require.NoError(t, conn.QueryRow(t.Context(), "select (select count(*) from watertight.audit_stale()) + (select count(*) from watertight.unguarded())").Scan(&stale))
	require.Zero(t, stale)
	if !attacked {
		return
	}
	require.NoError(t, conn.Close(t.Context())) // a copy needs the database for itself
	checked, err := leaktest.Check(t.Context(), leaktest.Config{URL: db.AdminURL, AppRole: "watertight_app", TenantColumns: columns, YesDestroy: true})
	require.NoError(t, err)
	for _, f := range checked.Findings {
		require.NotEqual(t, "error", f.Severity, "%s %s %s", f.Rule, f.Object, f.Message)
	}
}

// fingerprint is all that a schema is.
func fingerprint(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	sql, err := os.ReadFile("testdata/fingerprint.sql")
	require.NoError(t, err)
	rows, err := conn.Query(t.Context(), string(sql))
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}

// contents are the rows of the plan's tables, without the column that it adds.
func contents(t *testing.T, conn *pgx.Conn, plan *adopt.Plan) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range plan.Tables {
		hidden := ""
		if table.Added {
			hidden = table.Column
		}
		rows, err := conn.Query(t.Context(), "select (to_jsonb(t) - $1)::text from "+table.Name+" t", hidden)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		slices.Sort(lines)
		sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
		out[table.Name] = fmt.Sprint(len(lines), " rows ", hex.EncodeToString(sum[:8]))
	}
	return out
}
