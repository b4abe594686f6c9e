package leaktest

import (
	"os"
	"testing"
)

// A suite that cannot make rows proves nothing, so the hardest table must have
// rows of each of the first three tenants.
func TestEveryTableIsFilled(t *testing.T) {
	t.Parallel()
	setup, err := os.ReadFile("testdata/seed/types.sql")
	if err != nil {
		t.Fatal(err)
	}
	lab := newLaboratory(t, Config{}, string(setup))
	for _, tab := range lab.w.attackable() {
		if tab.rel.Partition {
			continue
		}
		have := map[int]int{}
		for _, r := range tab.rows {
			have[r.tenant.index]++
		}
		if have[0] == 0 || have[1] == 0 || have[2] == 0 {
			t.Errorf("%s has rows of tenants %v, want some of the first three: %s", shownName(tab.rel), have, tab.seedErr)
		}
	}
	report := lab.attack(t.Context(), t, plantedCase{sql: "select 1"})
	for _, f := range report.Findings {
		if f.Severity == Error {
			t.Errorf("%s %s: %s", f.Rule, f.subject(), f.Message)
		}
	}
}
