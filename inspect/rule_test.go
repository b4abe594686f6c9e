package inspect

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The roles of the examples. Roles belong to the cluster, so the template
// makes them once; what an example does to them is rolled back.
const roles = `do $$ begin
  perform pg_advisory_xact_lock(7401);
  if not exists (select from pg_roles where rolname = 'wt_owner') then create role wt_owner nologin; end if;
  if not exists (select from pg_roles where rolname = 'wt_app') then create role wt_app login; end if;
end $$;`

// database is shared by all examples of a test: each runs in a transaction of
// its own that is rolled back.
func database(t *testing.T, setup ...string) *pgxpool.Pool {
	t.Helper()
	d := pgtest.New(t, pgtest.Config{Empty: true, Setup: append([]string{roles}, setup...)})
	return d.Admin(t)
}

func begin(t *testing.T, pool *pgxpool.Pool) pgx.Tx {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	return tx
}

func run(t *testing.T, tx pgx.Tx, scripts ...string) {
	t.Helper()
	for _, s := range scripts {
		// No arguments: a script of many statements.
		if _, err := tx.Conn().PgConn().Exec(t.Context(), s).ReadAll(); err != nil {
			t.Fatalf("run %.200s: %v", s, err)
		}
	}
}

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func inspect(t *testing.T, tx pgx.Tx, cfg Config) Report {
	t.Helper()
	// A subtransaction, so that the settings of the look do not stay.
	sub, err := tx.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Rollback(t.Context()) }()
	report, err := check(t.Context(), sub, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// An example that needs another server than the test's says so.
var pretended = regexp.MustCompile(`(?m)^-- server_version_num = ([0-9]+)$`)

// So does one that needs a cluster, or a database that is to become one.
var profiled = regexp.MustCompile(`(?m)^-- profile: ([a-z]+)$`)

// look runs one rule after the scripts.
func look(t *testing.T, tx pgx.Tx, rule Rule, scripts ...string) []Finding {
	t.Helper()
	run(t, tx, scripts...)
	sub, err := tx.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Rollback(t.Context()) }()
	cfg := Config{AppRole: "wt_app"}
	for _, s := range scripts {
		if match := profiled.FindStringSubmatch(s); match != nil {
			cfg.Profile = match[1]
		}
	}
	m, err := read(t.Context(), sub, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		if match := pretended.FindStringSubmatch(s); match != nil {
			m.cat.Version, _ = strconv.Atoi(match[1])
		}
	}
	report, err := m.judge(t.Context(), sub, []Rule{rule})
	if err != nil {
		t.Fatal(err)
	}
	return report.Findings
}

// Each rule finds bad.sql, nothing once fixed.sql has run, and nothing in ok.sql.
func TestRules(t *testing.T) {
	t.Parallel()
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	pool := database(t, readFile(t, "testdata", "base.sql"))
	for _, rule := range rules {
		t.Run(rule.ID+"-"+rule.Name, func(t *testing.T) {
			dir := rule.dir()
			tx := begin(t, pool)
			found := look(t, tx, rule, readFile(t, dir, "bad.sql"))
			if len(found) == 0 {
				t.Fatal("bad.sql is not found")
			}
			worst := Warning
			for _, f := range found {
				if f.Message == "" || f.Fix == "" || f.Object == "" {
					t.Errorf("a finding lacks a part: %+v", f)
				}
				if f.Severity == Error {
					worst = Error
				}
			}
			if worst != rule.Severity {
				t.Errorf("bad.sql is a %s, doc.md says %s", worst, rule.Severity)
			}
			for _, f := range look(t, tx, rule, readFile(t, dir, "fixed.sql")) {
				t.Errorf("fixed.sql is still found: %+v", f)
			}
			_ = tx.Rollback(t.Context())

			for _, f := range look(t, begin(t, pool), rule, readFile(t, dir, "ok.sql")) {
				t.Errorf("ok.sql is found: %+v", f)
			}
		})
	}
}
