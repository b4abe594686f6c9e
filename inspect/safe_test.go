package inspect

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Unusual schemas that are safe: no error.
func TestSafeSchemas(t *testing.T) {
	t.Parallel()
	pool := database(t)
	text := readFile(t, filepath.Join("testdata", "safe", "schemas.sql"))
	n := 0
	for _, block := range regexp.MustCompile(`(?m)^-- safe: `).Split(text, -1)[1:] {
		name, sql, _ := strings.Cut(block, "\n")
		n++
		t.Run(name, func(t *testing.T) {
			var cfg Config
			for line := range strings.Lines(sql) {
				if v, ok := strings.CutPrefix(line, "-- app: "); ok {
					cfg.AppRole = strings.TrimSpace(v)
				}
				if v, ok := strings.CutPrefix(line, "-- column: "); ok {
					cfg.TenantColumns = []string{strings.TrimSpace(v)}
				}
				if v, ok := strings.CutPrefix(line, "-- profile: "); ok {
					cfg.Profile = strings.TrimSpace(v)
				}
			}
			tx := begin(t, pool)
			run(t, tx, "grant usage on schema public to wt_app", sql)
			report := inspect(t, tx, cfg)
			if report.Tables == 0 || len(report.Unseen) > 0 {
				t.Errorf("looked at %d tables; not seen: %v", report.Tables, report.Unseen)
			}
			if report.Errors() > 0 {
				t.Errorf("errors:%s", summary(report))
			}
			if cfg.AppRole == "" && report.AppRole != "wt_app" {
				t.Errorf("the role is taken for %s (%v)", report.AppRole, report.Assumed)
			}
		})
	}
	if n < 25 {
		t.Errorf("only %d schemas", n)
	}
}
