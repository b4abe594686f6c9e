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
			continue // TRUNCATE has no plan
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
	require.NoError(t, err, sql)
	mustExec(t, w.both, "set plan_cache_mode = force_generic_plan; deallocate all")
	if res := w.both.PgConn().ExecParams(ctx, "prepare q as "+sql, nil, nil, nil, nil).Read(); res.Err != nil {
		return false, false
	}
	call := "execute q"
	if n := len(desc.ParamOIDs); n > 0 {
		call += "(null" + strings.Repeat(", null", n-1) + ")"
	}
	res := w.both.PgConn().ExecParams(ctx, "explain (format json, verbose) "+call, nil, nil, nil, nil).Read()
	require.NoError(t, res.Err, sql)
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
	Plans    []planNode `json:"Plans"`
}

var sharedTables = map[string]bool{"countries": true, "tags": true}

func (n planNode) scoped() bool {
	if n.Relation != "" && strings.HasSuffix(n.Type, "Scan") && !sharedTables[n.Relation] {
		conds := n.Filter + n.Index + n.Recheck
		if n.Relation == "tenants" {
			if !regexp.MustCompile(`\bid(\))? = `).MatchString(conds) {
				return false
			}
		} else if !tenantEquality.MatchString(conds) {
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

// tenantEquality matches tenant_id = $1, also as text, and tenant_id = of an
// outer row.
var tenantEquality = regexp.MustCompile(`tenant_id\)?(::text\)?)? = (\$\d|\(\$\d|ANY \(ARRAY\[\$1|\(?[a-z0-9_]+\.tenant_id|"?\w+"?\.)|\$\d+ = \(?\w*\.?tenant_id`)
