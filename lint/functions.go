package lint

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A function can read any table. The ones that are known to compute from their
// arguments only are listed in functions.txt; a function of the schema is read;
// every other one is a finding.

//go:embed functions.txt
var functionList string

//go:embed catalogs.txt
var catalogList string

type allowList struct {
	safe       map[string]bool
	aggregates map[string]bool
	catalogs   map[string]bool
}

var lists = sync.OnceValue(func() allowList {
	l := allowList{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, w := range words(functionList) {
		name, agg := strings.CutSuffix(w, "!")
		l.safe[name] = true
		if agg {
			l.aggregates[name] = true
		}
	}
	for _, w := range words(catalogList) {
		l.catalogs[w] = true
	}
	return l
})

// words returns the words of a list whose comments begin with #.
func words(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		out = append(out, strings.Fields(line)...)
	}
	return out
}

// checkFunction reports a call of a function that may read tables.
func (a *analysis) checkFunction(f *funcCall, parts []string) {
	name := parts[len(parts)-1]
	schema := ""
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	if schema != "" && lists().safe[schema+"."+name] || a.tenancy.vouched(schema, name) {
		return
	}
	if own := a.schema.functions[name]; len(own) > 0 && schema != "pg_catalog" {
		for _, fn := range own {
			if schema != "" && fn.schema != "" && fn.schema != schema {
				continue
			}
			if why := a.schema.impure(fn); why != "" {
				a.report(ruleFunction, f.GetLocation(), fmt.Sprintf("function %s %s, and what it reads is not followed (write its query here, or make it compute from its arguments only)", name, why)).object = name
				return
			}
		}
		return
	}
	if lists().safe[name] && (schema == "" || schema == "pg_catalog" || !isSystemSchema(schema)) {
		return
	}
	a.report(ruleFunction, f.GetLocation(), fmt.Sprintf("function %s is not known to leave tables alone (write its query here, or add a migration that creates it)", strings.Join(parts, "."))).object = name
}

func isSystemSchema(s string) bool { return s == "information_schema" }

// impure says why a function of the schema may read tables, "" when it cannot.
func (s *Schema) impure(f *function) string {
	if why, ok := s.purity[f]; ok {
		return why
	}
	s.purity[f] = "" // a function that calls itself adds nothing
	why := s.whyImpure(f)
	s.purity[f] = why
	return why
}

func (s *Schema) whyImpure(f *function) string {
	switch {
	case f.procedure:
		return "is a procedure"
	case f.tree != nil:
		return s.treeImpure(f.tree)
	case f.language != "sql" && f.language != "plpgsql":
		return "is written in " + f.language
	}
	for _, w := range identifiers(f.body) {
		switch w.text {
		case "from", "insert", "update", "delete", "merge", "execute", "perform", "into", "copy", "truncate", "table":
			return "reads or writes tables"
		}
		if w.call && !callKeywords[w.text] {
			if why := s.callImpure(w.text); why != "" {
				return why
			}
		}
	}
	return ""
}

// treeImpure looks at a SQL-standard body, which is parsed with the schema.
func (s *Schema) treeImpure(n *node) string {
	why := ""
	eachTable(n, func(*rangeVar) { why = "reads or writes tables" })
	eachCall(n, func(f *funcCall) {
		if why == "" {
			why = s.callImpure(lastName(f.GetFuncname()))
		}
	})
	return why
}

func (s *Schema) callImpure(name string) string {
	own := s.functions[name]
	if len(own) == 0 && !lists().safe[name] {
		return "calls " + name
	}
	for _, f := range own {
		if s.impure(f) != "" {
			return "calls " + name
		}
	}
	return ""
}

// callKeywords are words of SQL and PL/pgSQL that a parenthesis may follow.
var callKeywords = wordSet(`if elsif and or not in any all some array row exists case when then else coalesce nullif greatest
	least cast values declare begin return returns numeric varchar char decimal interval timestamp timestamptz time over filter
	extract position substring overlay trim as select where by with distinct between like ilike is numeric bit loop while for`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// isAggregate reports whether a call folds rows.
func isAggregate(f *funcCall, name string) bool {
	return f.GetAggStar() || f.GetAggDistinct() || f.GetAggFilter() != nil || f.GetAggWithinGroup() ||
		len(f.GetAggOrder()) > 0 || lists().aggregates[name]
}

func isCatalog(schema, name string) bool {
	return schema == "pg_catalog" || schema == "information_schema" || schema == "pg_toast" ||
		schema == "" && (strings.HasPrefix(name, "pg_") || lists().catalogs[name])
}

// harmlessCatalog reports whether a system table holds definitions only.
func harmlessCatalog(schema, name string) bool {
	return schema == "information_schema" || lists().catalogs[name]
}

// vouched reports whether the options name a function as harmless.
func (t *tenancy) vouched(schema, name string) bool {
	if t == nil {
		return false
	}
	full := name
	if schema != "" {
		full = schema + "." + name
	}
	return slices.Contains(t.functions, full)
}
