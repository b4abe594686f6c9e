package leaktest

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestOwnAttacks gives the suite attacks of a team's own: each verdict, and what
// proves nothing.
func TestOwnAttacks(t *testing.T) {
	t.Parallel()
	cfg := shop(t, "select 1")
	wrote := func(ctx context.Context, at Site) (rows int, err error) {
		_, err = at.Conn.Exec(ctx, "insert into shop.countries values ('zz', 'Nowhere')")
		if err != nil {
			return 0, err
		}
		err = at.Conn.QueryRow(ctx, "select count(*) from shop.orders where tenant_id::text in ('"+at.Attacker+"', '"+at.Victim+"')").Scan(&rows)
		return rows, err
	}
	before := contents(t, cfg.URL)
	cfg.Attacks = []Attack{
		{Name: "tight cache", Run: func(ctx context.Context, at Site) ([]Attempt, error) {
			n, err := wrote(ctx, at)
			if err == nil && n < 2 {
				err = errors.New("the two tenants have no rows")
			}
			return []Attempt{{Attack: "get", Control: "own entry"}}, err
		}},
		{Name: "open cache", Run: func(context.Context, Site) ([]Attempt, error) {
			return []Attempt{{Object: "entry", Attack: "get", Control: "own entry", Leaked: true, Detail: "the victim's entry"}}, nil
		}},
		{Name: "no control", Run: func(context.Context, Site) ([]Attempt, error) { return []Attempt{{Attack: "get"}}, nil }},
		{Name: "nothing tried", Run: func(context.Context, Site) ([]Attempt, error) { return nil, nil }},
		{Name: "broken", Run: func(ctx context.Context, at Site) ([]Attempt, error) {
			_, err := at.Conn.Exec(ctx, "select 1 from there_is_no_such_table")
			return nil, err
		}},
	}
	report, err := Check(t.Context(), cfg)
	if early(err) != nil {
		t.Fatal(err)
	}
	want := map[string]string{"open cache": ruleOwnAttack, "no control": ruleUnproved, "nothing tried": ruleUnproved, "broken": ruleUnproved}
	for _, f := range report.Findings {
		for name, rule := range want {
			if strings.Contains(f.Message, name) && f.Rule == rule && f.Severity == Error {
				delete(want, name)
			}
		}
		if strings.Contains(f.Message, "tight cache") {
			t.Errorf("the attack that held is a finding: %s", f.Message)
		}
	}
	if len(want) > 0 {
		t.Errorf("not found: %v in %+v", want, report.Findings)
	}
	held := false
	for _, c := range report.Cells {
		held = held || c.Object == "tight cache" && c.Verdict == Held && c.Control == "own entry"
	}
	if !held {
		t.Error("the attack that held has no cell")
	}
	if after := contents(t, cfg.URL); after != before {
		t.Errorf("the database holds %s after the attacks, %s before", after, before)
	}
}

func TestOwnAttacksNeedNames(t *testing.T) {
	t.Parallel()
	run := func(context.Context, Site) ([]Attempt, error) { return nil, nil }
	for name, list := range map[string][]Attack{
		"no name":     {{Run: run}},
		"no function": {{Name: "x"}},
		"twice":       {{Name: "x", Run: run}, {Name: "x", Run: run}},
	} {
		if err := (Config{URL: "postgres://", Attacks: list}).validate(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
