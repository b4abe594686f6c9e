package inspect

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A defect is one planted fault of testdata/defects.
type defect struct {
	name    string
	rule    string // that must find it, as an error
	object  string // that the finding must name
	plant   string // run as a superuser
	exploit string // run as the application, in tenant A; its last statement gives true for a leak
	until   int    // the last major version that has the fault
}

var heading = regexp.MustCompile(`(?m)^-- defect: `)

func defects(t *testing.T) []defect {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "defects", "*.sql"))
	if err != nil || len(paths) == 0 {
		t.Fatal("there are no defects", err)
	}
	var out []defect
	for _, path := range paths {
		text := readFile(t, path)
		for _, block := range heading.Split(text, -1)[1:] {
			var d defect
			d.name, block, _ = strings.Cut(block, "\n")
			d.plant, d.exploit, _ = strings.Cut(block, "-- exploit\n")
			for line := range strings.Lines(block) {
				if rest, ok := strings.CutPrefix(line, "-- finds: "); ok {
					d.rule, d.object, _ = strings.Cut(strings.TrimSpace(rest), " ")
				}
				if rest, ok := strings.CutPrefix(line, "-- until: "); ok {
					d.until, _ = strconv.Atoi(strings.TrimSpace(rest))
				}
			}
			if d.rule == "" {
				t.Fatalf("%s: the defect %q names no rule", path, d.name)
			}
			out = append(out, d)
		}
	}
	return out
}

// Every planted fault is found as an error that names the object; and it is a
// fault: the exploit, run by the application's role in tenant A, fails on the
// sound schema and succeeds on this one.
func TestDefects(t *testing.T) {
	t.Parallel()
	list := defects(t)
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	pool := database(t, readFile(t, "testdata", "lab.sql"))
	var proved int
	for _, d := range list {
		t.Run(d.name, func(t *testing.T) {
			tx := begin(t, pool)
			if d.exploit != "" && leaks(t, tx, d.exploit) {
				t.Error("the exploit succeeds on the sound schema")
			}
			if version := major(t, tx); d.until != 0 && version > d.until {
				t.Skipf("PostgreSQL %d does not have this fault", version)
			}
			i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == d.rule })
			if i < 0 {
				t.Fatalf("there is no rule %s", d.rule)
			}
			if found := look(t, tx, rules[i], d.plant); !catches(found, d) {
				t.Errorf("%s does not find it: %v; all findings: %s", d.rule, found, summary(inspect(t, tx, Config{AppRole: "wt_app"})))
			}
			if d.exploit != "" {
				if !leaks(t, tx, d.exploit) {
					t.Error("the exploit does not succeed")
				}
				proved++
			}
		})
	}
	t.Logf("%d defects, %d with an exploit", len(list), proved)
}

func catches(found []Finding, d defect) bool {
	for _, f := range found {
		if f.Severity == Error && strings.Contains(f.Table+" "+f.Object+" "+f.Message, d.object) {
			return true
		}
	}
	return false
}

func summary(r Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		if f.Severity == Error || os.Getenv("VERBOSE") != "" {
			b.WriteString("\n  " + f.Severity + " " + f.Rule + " " + f.Message)
		}
	}
	return b.String()
}

func major(t *testing.T, tx pgx.Tx) int {
	t.Helper()
	var version int
	if err := tx.QueryRow(t.Context(), "select current_setting('server_version_num')::int / 10000").Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

// leaks runs an exploit as the application inside tenant A and says whether its
// last statement gave true. Being refused is no leak.
func leaks(t *testing.T, tx pgx.Tx, exploit string) bool {
	t.Helper()
	sub, err := tx.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = sub.Rollback(t.Context())
		// Prepared statements outlive what prepared them.
		run(t, tx, `do $$ declare n text; begin
			for n in select name from pg_prepared_statements where from_sql loop execute format('deallocate %I', n); end loop;
		end $$`)
	}()
	run(t, sub, "set local session authorization wt_app; set local app.tenant_id = '11111111-1111-1111-1111-111111111111'")
	results, err := sub.Conn().PgConn().Exec(t.Context(), exploit).ReadAll()
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		t.Logf("refused: %s (%s)", pg.Message, pg.Code)
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	last := results[len(results)-1]
	return len(last.Rows) == 1 && string(last.Rows[0][0]) == "t"
}
