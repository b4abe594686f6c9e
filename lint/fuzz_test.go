package lint

import (
	"slices"
	"strings"
	"testing"

	pg "github.com/sqlc-dev/oliphant"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// FuzzCheck: no input makes the analysis panic; text that does not parse is
// never proved; and the verdict does not depend on how a query is written: the
// names of aliases, the order of conjuncts, parentheses that change nothing.
func FuzzCheck(f *testing.F) {
	s := corpusSchema(f)
	for _, q := range corpus(f) {
		f.Add(q.sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		before, ok := verdict(s, sql)
		if !ok {
			return
		}
		text := numberParams(sql).sql
		if _, err := pg.Parse(text); err != nil && before == "" && !strings.Contains(sql, ";") {
			t.Fatalf("proved, but it does not parse: %v", err)
		}
		for name, change := range rewritings {
			after, ok := change(text)
			if !ok {
				continue
			}
			if got, ok := verdict(s, after); !ok || got != before {
				t.Errorf("%s changes the verdict from %q to %q:\n%s\n%s", name, before, got, sql, after)
			}
		}
	})
}

// TestRewritings runs the fuzz target's properties over the corpus, so that
// they hold in every run of the tests.
func TestRewritings(t *testing.T) {
	t.Parallel()
	s := corpusSchema(t)
	made := map[string]int{}
	for _, q := range corpus(t) {
		before, ok := verdict(s, q.sql)
		require.True(t, ok)
		text, _ := executable(q.sql, q.tenant)
		for name, change := range rewritings {
			after, ok := change(text)
			if !ok {
				continue
			}
			made[name]++
			got, ok := verdict(s, after)
			require.True(t, ok, "%s: %s", name, after)
			require.Equal(t, before, got, "%s of %s:\n%s\n%s", name, q.id, q.sql, after)
		}
	}
	for name := range rewritings {
		require.Greater(t, made[name], 100, name)
	}
}

// verdict is the set of rules of the findings; ok is false when there is no
// query at all. Of two tenants in one query either may be called the second, so
// the tables are left out.
func verdict(s *Schema, sql string) (string, bool) {
	r, err := Check(s, []File{{"q.sql", sql}}, Options{})
	if err != nil {
		return "", false
	}
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.Rule)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", "), true
}

// rewritings write a statement another way that means the same.
var rewritings = map[string]func(string) (string, bool){
	"reversed conjuncts": onTree(reverseConjuncts),
	"renamed aliases":    onTree(renameAliases),
	"parentheses":        addParentheses,
}

func onTree(change func(*pg.ParseResult) bool) func(string) (string, bool) {
	return func(sql string) (string, bool) {
		tree, err := pg.Parse(sql)
		if err != nil || len(tree.GetStmts()) != 1 || !change(tree) {
			return "", false
		}
		out, err := pg.Deparse(tree)
		return out, err == nil
	}
}

func reverseConjuncts(tree *pg.ParseResult) bool {
	changed := false
	visit(tree, func(m proto.Message) {
		if b, ok := m.(*pg.BoolExpr); ok && b.GetBoolop() != boolNot {
			slices.Reverse(b.Args)
			changed = true
		}
	})
	return changed
}

// renameAliases renames every alias of a table. It keeps off queries in which a
// name could mean something else, too.
func renameAliases(tree *pg.ParseResult) bool {
	aliases := map[string]bool{}
	var taken []string
	visit(tree, func(m proto.Message) {
		switch v := m.(type) {
		case *pg.RangeVar:
			taken = append(taken, v.GetRelname())
			if v.GetAlias() != nil {
				aliases[v.GetAlias().GetAliasname()] = true
			}
		case *pg.CommonTableExpr:
			taken = append(taken, v.GetCtename())
		case *pg.ColumnRef:
			if len(v.GetFields()) == 1 {
				taken = append(taken, lastName(v.GetFields()))
			}
		case *pg.RangeSubselect:
			taken = append(taken, v.GetAlias().GetAliasname())
		case *pg.RangeFunction:
			taken = append(taken, v.GetAlias().GetAliasname())
		case *pg.JoinExpr:
			taken = append(taken, v.GetAlias().GetAliasname())
		case *pg.ResTarget:
			taken = append(taken, v.GetName())
		}
	})
	if len(aliases) == 0 || slices.ContainsFunc(taken, func(n string) bool { return aliases[n] || aliases[n+"_q"] }) {
		return false
	}
	visit(tree, func(m proto.Message) {
		switch v := m.(type) {
		case *pg.RangeVar:
			if v.GetAlias() != nil {
				v.Alias.Aliasname += "_q"
			}
		case *pg.ColumnRef:
			if first := v.GetFields()[0].GetString_(); first != nil && aliases[first.GetSval()] {
				first.Sval += "_q"
			}
		}
	})
	return true
}

// addParentheses puts the first WHERE condition in two pairs of parentheses.
func addParentheses(sql string) (string, bool) {
	start, ok := findWord(sql, 0, wordSet("where"), nil)
	if _, err := pg.Parse(sql); err != nil || !ok {
		return "", false
	}
	end := conditionEnd(sql, start, clauseEnds)
	first := skipBlank(sql, start)
	if first >= end || strings.Contains(strings.ToLower(sql[first:end]), "current of") {
		return "", false
	}
	out := edit{{first, "(("}, {end, "))"}}.apply(sql)
	if _, err := pg.Parse(out); err != nil {
		return "", false
	}
	return out, true
}
