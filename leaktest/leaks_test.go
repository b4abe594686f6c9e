package leaktest

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/internal/catalog"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// A plantedCase is one change of a safe schema, and what must be found.
type plantedCase struct {
	name  string
	sql   string
	leak  bool
	rules []string
	table string // attacked alone, all if empty
}

var caseHead = regexp.MustCompile(`^-- (leak|safe) ([\w-]+)(?::((?: WTA\d+\??)*))?(?: on ([\w.]+))?$`)

func readCases(t *testing.T, file string) []plantedCase {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []plantedCase
	for line := range strings.Lines(string(content)) {
		if m := caseHead.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			out = append(out, plantedCase{name: m[2], leak: m[1] == "leak", rules: strings.Fields(m[3]), table: m[4]})
			continue
		}
		if len(out) == 0 {
			t.Fatalf("%s: %q stands before the first case", file, line)
		}
		out[len(out)-1].sql += line
	}
	if len(out) == 0 {
		t.Fatalf("%s has no case", file)
	}
	return out
}

// laboratory is a filled database in one session, for changes that are undone.
type laboratory struct {
	w *world
	s *session
}

func newLaboratory(t *testing.T, cfg Config, setup string) *laboratory {
	t.Helper()
	d := pgtest.New(t, pgtest.Config{Empty: true})
	role, _ := d.Login(t)
	d.Exec(t, forRole(setup, role))
	cfg.URL, cfg.AppRole = d.AdminURL, role
	return openLaboratory(t, cfg)
}

func openLaboratory(t *testing.T, cfg Config) *laboratory {
	t.Helper()
	ctx := t.Context()
	config, err := parseURL(cfg.URL)
	if err != nil {
		t.Fatal(err)
	}
	target := &target{config: config, source: config.Database}
	s, err := target.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeConn(s.conn) })
	w, err := discover(ctx, cfg, target, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.populate(ctx, s); err != nil {
		t.Fatal(err)
	}
	for _, tab := range w.attackable() {
		if tab.seedErr != "" && !tab.rel.Partition {
			t.Errorf("%s could not be filled: %s", shownName(tab.rel), tab.seedErr)
		}
	}
	return &laboratory{w, s}
}

var appName = regexp.MustCompile(`\bapp\b\.?`)

// forRole puts the test's own role in place of app. Settings such as
// app.tenant_id stay.
func forRole(sql, role string) string {
	return appName.ReplaceAllStringFunc(sql, func(s string) string {
		if strings.HasSuffix(s, ".") {
			return s
		}
		return role
	})
}

// attack attacks a changed database.
func (l *laboratory) attack(ctx context.Context, t *testing.T, c plantedCase) Report {
	t.Helper()
	only := map[catalog.OID]bool{}
	for _, r := range l.w.cat.Relations {
		if shownName(r) == c.table {
			only[r.OID] = true
		}
	}
	if len(only) == 0 {
		only = nil
	}
	sql := forRole(c.sql, l.w.app.Name)
	report, err := l.w.mutant(ctx, l.s, sql, only)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestPlantedLeaks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/leaks/*.cases")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".cases"), func(t *testing.T) {
			t.Parallel()
			setup, err := os.ReadFile(strings.TrimSuffix(file, ".cases") + ".sql")
			if err != nil {
				t.Fatal(err)
			}
			lab := newLaboratory(t, Config{}, string(setup))
			for _, c := range readCases(t, file) {
				t.Run(c.name, func(t *testing.T) { c.check(t, lab.attack(t.Context(), t, c)) })
			}
		})
	}
}

func (c plantedCase) check(t *testing.T, report Report) {
	t.Helper()
	var found []string
	for _, f := range report.Findings {
		if f.Severity == Error {
			found = append(found, f.Rule)
			if !c.leak {
				t.Errorf("a safe schema: %s %s: %s", f.Rule, f.subject(), f.Message)
			}
		}
		if f.Rule == ruleUnproved && c.leak {
			t.Logf("not proved: %s: %s", f.subject(), f.Message)
		}
	}
	if c.leak && report.Leaks() == 0 {
		t.Errorf("no leak was found, want %v", c.rules)
	}
	for _, rule := range c.rules {
		if !strings.HasSuffix(rule, "?") && !slices.Contains(found, rule) {
			t.Errorf("found %v, want %s", found, rule)
		}
	}
}
