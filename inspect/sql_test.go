package inspect

import "testing"

// Every rule's query is valid on the base schema, on its own: one that is not
// would hide behind the first in the other tests.
func TestRuleQueries(t *testing.T) {
	t.Parallel()
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	tx := begin(t, database(t, readFile(t, "testdata", "base.sql")))
	m, err := read(t.Context(), tx, Config{AppRole: "wt_app"})
	if err != nil {
		t.Fatal(err)
	}
	facts, err := m.facts()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		sub, err := tx.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found, err := r.run(t.Context(), sub, facts)
		if err != nil {
			t.Errorf("rule %s: %v", r.ID, err)
		}
		for _, f := range found {
			if f.Severity == Error {
				t.Errorf("the base schema is an error: %+v", f)
			}
		}
		_ = sub.Rollback(t.Context())
	}
}
