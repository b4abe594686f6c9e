package main

import "github.com/watertight-go/watertight/leaktest"

// attackRules documents what attack and prove find.
func attackRules() []rule {
	var out []rule
	for _, r := range leaktest.Rules() {
		out = append(out, rule{id: r.ID, severity: r.Severity(), title: r.Title, doc: r.Why + "\n\nFix: " + r.Fix + ".\n"})
	}
	return out
}
