package inspect

import (
	"fmt"
	"slices"

	"github.com/watertight-go/watertight/internal/catalog"
)

// Kinds of sub-selects, as in SubLinkType.
const (
	subExists = 0
	subAll    = 1
	subAny    = 2
)

// sublink judges EXISTS (…) and x IN (SELECT …).
func (c *condition) sublink(n *catalog.Node) result {
	q := n.Child("subselect")
	sub := c.query(q)
	switch n.Int("subLinkType") {
	case subExists:
		return c.exists(q, sub)
	case subAny:
		return c.in(n, q, sub)
	case subAll:
		return isOpen("subquery", "rows of all tenants pass when a sub-select finds nothing")
	}
	if len(varsAt(q, 1)) == 0 {
		return c.rowFree(n)
	}
	return result{level: opaque, class: "subquery", reason: "a sub-select decides", lookups: sub.relations}
}

// A subquery is what is known about one sub-select.
type subquery struct {
	relations []catalog.OID
	anchored  bool     // the rows that it reads are those of who is there
	contexts  []source // by which it is
	why       string   // if not
	calls     []catalog.OID
	equal     []pair  // column of the outer row = column of a table inside
	pins      []int16 // columns of the outer row that are compared with the context
}

type pair struct {
	outer int16
	inner *catalog.Relation
	col   int16
}

// query looks into a sub-select. It is anchored when one of its tables is
// limited to the context: by a conjunct, or by the table's own policies, which
// apply inside a policy too.
func (c *condition) query(q *catalog.Node) subquery {
	var s subquery
	rtable := q.List("rtable")
	rel := func(varno int) *catalog.Relation {
		if varno < 1 || varno > len(rtable) {
			return nil
		}
		return c.m.cat.Relation(rtable[varno-1].OID("relid"))
	}
	q.Walk(func(n *catalog.Node) bool {
		if n.Tag == "RANGETBLENTRY" && n.OID("relid") != 0 {
			s.relations = union(s.relations, []catalog.OID{n.OID("relid")})
		}
		if n.Tag == "FUNCEXPR" && c.m.cat.Function(n.OID("funcid")) != nil {
			s.calls = union(s.calls, []catalog.OID{n.OID("funcid")})
		}
		return true
	})
	for _, conj := range conjuncts(q.Child("jointree")) {
		args := conj.List("args")
		if conj.Tag != "OPEXPR" && conj.Tag != "SCALARARRAYOPEXPR" || len(args) != 2 {
			continue
		}
		if _, same := c.m.equality[conj.OID("opno")]; !same {
			continue
		}
		for range 2 {
			a := stripped(args[0])
			if o := bare(args[0]); o.Tag == "VAR" && o.Int("varlevelsup") == 1 && len(varsAt(args[1], 0))+len(varsAt(args[1], 1)) == 0 {
				if v := c.m.value(args[1]); len(v.sources) > 0 && v.fallback == "" && conj.Tag == "OPEXPR" {
					s.pins = append(s.pins, int16(o.Int("varattno")))
					s.contexts = append(s.contexts, v.sources...)
				}
			}
			if a.Tag == "VAR" && a.Int("varlevelsup") == 0 && rel(a.Int("varno")) != nil {
				c.conjunct(&s, a, rel(a.Int("varno")), args[1])
			}
			args = []*catalog.Node{args[1], args[0]}
		}
	}
	if !s.anchored {
		c.anchorByPolicy(&s)
	}
	return s
}

func (c *condition) conjunct(s *subquery, v *catalog.Node, inner *catalog.Relation, other *catalog.Node) {
	if o := stripped(other); o.Tag == "VAR" {
		if o.Int("varlevelsup") == 1 {
			s.equal = append(s.equal, pair{int16(o.Int("varattno")), inner, int16(v.Int("varattno"))})
		}
		return
	}
	if len(varsAt(other, 0)) > 0 || len(varsAt(other, 1)) > 0 {
		return
	}
	if val := c.m.value(other); len(val.sources) > 0 && val.fallback == "" {
		s.anchored = true
		s.contexts = append(s.contexts, val.sources...)
		s.calls = union(s.calls, val.calls)
	}
}

// anchorByPolicy looks at the policies of the tables that are read.
func (c *condition) anchorByPolicy(s *subquery) {
	for _, oid := range s.relations {
		r := c.m.cat.Relation(oid)
		if r == nil || !r.IsTable() {
			continue
		}
		if v := c.m.command(c.role, r, "SELECT"); v.level <= opaque && v.level != closed {
			s.anchored = true
			s.contexts = append(s.contexts, v.contexts...)
			s.calls = union(s.calls, v.calls)
			return
		}
	}
	s.why = "the sub-select asks nobody who is there, and no policy limits the table that it reads"
}

func (c *condition) exists(q *catalog.Node, s subquery) result {
	if len(varsAt(q, 1)) == 0 {
		return result{level: open, class: "subquery", reason: "the sub-select has no condition on the row: when it finds anything, the rows of all tenants pass", lookups: s.relations}
	}
	if c.col != nil && slices.Contains(s.pins, c.col.Num) {
		return result{level: pinned, contexts: s.contexts, lookups: s.relations, calls: s.calls}
	}
	for _, e := range s.equal {
		if c.col != nil && e.outer == c.col.Num || c.links(e) {
			return c.bySub(s)
		}
	}
	return result{level: opaque, class: "subquery", reason: "a sub-select that is not tied to the row by a key decides", lookups: s.relations, calls: s.calls}
}

// links says whether the pair is a reference from the row to a tenant's row.
func (c *condition) links(p pair) bool {
	return p.inner.IsTable() && slices.Contains(p.inner.PrimaryKey(), p.col)
}

func (c *condition) in(n, q *catalog.Node, s subquery) result {
	test := n.Child("testexpr")
	args := test.List("args")
	if test == nil || len(args) != 2 || test.Tag != "OPEXPR" {
		return result{level: opaque, class: "subquery", reason: "a sub-select decides", lookups: s.relations}
	}
	v := stripped(args[0])
	if v.Tag != "VAR" {
		if !hasRowVar(args[0]) {
			return c.rowFree(n)
		}
		return result{level: loose, class: "compare", reason: "an expression around the column is looked for in a sub-select", lookups: s.relations}
	}
	if c.isTenantVar(v) {
		if exact, why := c.exact(args[0]); !exact {
			return why
		}
		if r, ok := c.sameOperator(test); !ok {
			return r
		}
		if len(s.relations) == 0 {
			val := c.m.value(q)
			if len(val.sources) > 0 {
				return result{level: pinned, contexts: val.sources, calls: val.calls}
			}
		}
		return c.bySub(s)
	}
	if len(s.relations) == 0 {
		return isOpaque("person", fmt.Sprintf("the column %s is compared, not the tenant's", c.columnName(v)))
	}
	return c.bySub(s)
}

func (c *condition) bySub(s subquery) result {
	if !s.anchored {
		return result{level: open, class: "subquery", reason: s.why, lookups: s.relations, calls: s.calls}
	}
	return result{level: lookup, contexts: nil, lookups: s.relations, calls: s.calls}
}

// conjuncts returns the conditions that all rows of a FROM clause satisfy:
// those of WHERE and of inner joins.
func conjuncts(n *catalog.Node) []*catalog.Node {
	if n == nil {
		return nil
	}
	var out []*catalog.Node
	switch n.Tag {
	case "FROMEXPR":
		for _, item := range n.List("fromlist") {
			out = append(out, conjuncts(item)...)
		}
		out = append(out, split(n.Child("quals"))...)
	case "JOINEXPR":
		switch n.Int("jointype") {
		case 0:
			out = append(append(conjuncts(n.Child("larg")), conjuncts(n.Child("rarg"))...), split(n.Child("quals"))...)
		case 1:
			out = conjuncts(n.Child("larg"))
		case 3:
			out = conjuncts(n.Child("rarg"))
		}
	}
	return out
}

// split takes a conjunction apart.
func split(n *catalog.Node) []*catalog.Node {
	if n == nil {
		return nil
	}
	if n.Tag == "BOOLEXPR" && n.Text("boolop") == "and" {
		var out []*catalog.Node
		for _, a := range n.List("args") {
			out = append(out, split(a)...)
		}
		return out
	}
	return []*catalog.Node{n}
}
