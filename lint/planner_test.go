package lint

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlannerAgrees asks the planner the same question: does every scan of a
// tenant table in the generic plan carry a condition on its tenant column? A
// query on which the two disagree is listed in disagreements.txt with a reason.
//
// The planner proves less (it sees no unique keys) and other things (it does
// not look at what is written), so a reason is owed, not a change.
func TestPlannerAgrees(t *testing.T) {
	t.Parallel()
	w := newWorlds(t)
	listed := disagreements(t)
	used := map[string]bool{}
	agreed := 0
	for _, q := range corpus(t) {
		scoped, ok := w.planScoped(t, q)
		if !ok {
			continue // TRUNCATE has no plan, nor have some FULL JOINs
		}
		if scoped == q.pinned {
			agreed++
			continue
		}
		reason := ""
		for text, why := range listed {
			if strings.Contains(q.sql, text) {
				reason, used[text] = why, true
			}
		}
		if reason == "" {
			t.Errorf("%s is labelled pinned=%v, the planner says %v, and no reason is listed: %s", q.id, q.pinned, scoped, q.sql)
		}
	}
	for text := range listed {
		require.True(t, used[text], "disagreements.txt has %q, on which there is no disagreement", text)
	}
	require.Greater(t, agreed, 350)
}

// disagreements reads "part of a query => reason" lines.
func disagreements(t *testing.T) map[string]string {
	t.Helper()
	src, err := os.ReadFile("testdata/corpus/disagreements.txt")
	require.NoError(t, err)
	out := map[string]string{}
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		text, reason, ok := strings.Cut(line, " => ")
		require.True(t, ok && reason != "", line)
		out[text] = reason
	}
	return out
}

// planScoped reports whether every scan of a tenant table has the tenant column
// in its condition.
func (w *worlds) planScoped(t *testing.T, q corpusQuery) (scoped, ok bool) {
	t.Helper()
	ctx := context.Background()
	sql, _ := executable(q.sql, q.tenant)
	desc, err := w.both.PgConn().Prepare(ctx, "", sql, nil)
	if err != nil {
		t.Errorf("%s: %v: %s", q.id, err, sql)
		return false, false
	}
	mustExec(t, w.both, "set plan_cache_mode = force_generic_plan; deallocate all")
	if res := w.both.PgConn().ExecParams(ctx, "prepare q as "+sql, nil, nil, nil, nil).Read(); res.Err != nil {
		return false, false
	}
	call := "execute q"
	if n := len(desc.ParamOIDs); n > 0 {
		call += "(null" + strings.Repeat(", null", n-1) + ")"
	}
	res := w.both.PgConn().ExecParams(ctx, "explain (format json, verbose) "+call, nil, nil, nil, nil).Read()
	if res.Err != nil {
		return false, false // a FULL JOIN that no plan of all parameters can do
	}
	var plans []struct{ Plan planNode }
	require.NoError(t, json.Unmarshal(res.Rows[0][0], &plans))
	return plans[0].Plan.scoped(), true
}

type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Filter   string     `json:"Filter"`
	Index    string     `json:"Index Cond"`
	Recheck  string     `json:"Recheck Cond"`
	TID      string     `json:"TID Cond"`
	Plans    []planNode `json:"Plans"`
}

var sharedTables = map[string]bool{"countries": true, "tags": true}

func (n planNode) scoped() bool {
	if n.Relation != "" && strings.HasSuffix(n.Type, "Scan") && !sharedTables[n.Relation] {
		column := "tenant_id"
		if n.Relation == "tenants" {
			column = "id"
		}
		pinned := false
		for _, cond := range []string{n.Filter, n.Index, n.Recheck, n.TID} {
			pinned = pinned || pins(cond, column)
		}
		if !pinned {
			return false
		}
	}
	for _, p := range n.Plans {
		if !p.scoped() {
			return false
		}
	}
	return true
}

// subPlan is how EXPLAIN writes a subquery, which is not SQL.
var subPlan = regexp.MustCompile(`\((hashed )?SubPlan \d+( \(returns [^)]*\))?\)|alternatives: SubPlan \d+ or hashed SubPlan \d+|SubPlan \d+`)

// pins reports whether a condition of EXPLAIN has, as a conjunct, an equality
// of the column with a parameter or with a column of another row.
func pins(cond, column string) bool {
	if cond == "" {
		return false
	}
	stmts, err := parseSQL("select 1 where " + subPlan.ReplaceAllString(cond, "true"))
	if err != nil {
		return false
	}
	where := stmts[0].GetStmt().GetSelectStmt().GetWhereClause()
	conjuncts := []*node{where}
	if b := where.GetBoolExpr(); b.GetBoolop() == boolAnd {
		conjuncts = b.GetArgs()
	}
	for _, c := range conjuncts {
		e := c.GetAExpr()
		if lastName(e.GetName()) != "=" || e.GetKind() != exprOp && len(e.GetRexpr().GetAArrayExpr().GetElements()) != 1 {
			continue
		}
		if named(e.GetLexpr(), column) || named(e.GetRexpr(), column) {
			return true
		}
	}
	return false
}

func named(n *node, column string) bool {
	for {
		if c := n.GetTypeCast(); c != nil {
			n = c.GetArg()
			continue
		}
		return lastName(n.GetColumnRef().GetFields()) == column
	}
}
