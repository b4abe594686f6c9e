package inspect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// compare judges an operator, or a function behind one, with two arguments.
func (c *condition) compare(n *catalog.Node, args []*catalog.Node, nullSafe bool) result {
	left, right := args[0], args[1]
	lv, rv := rowVars(left), rowVars(right)
	if len(lv) == 0 {
		left, right, lv, rv = right, left, rv, lv
	}
	if c.col == nil || !slices.Contains(union(lv, rv), c.col.Num) {
		return c.compareOther(n, left, right, lv, rv)
	}
	if len(rv) > 0 {
		return c.compareRow(left, right, lv, rv)
	}
	if len(lv) > 1 {
		return result{level: loose, class: "compare", reason: "the tenant is compared together with other columns of the row"}
	}
	if r, ok := c.sameOperator(n); !ok {
		return r
	}
	exact, why := c.exact(left)
	if !exact && why.level == nullRow {
		r := c.against(right)
		if r.level == pinned {
			r.level, r.class, r.reason = why.level, why.class, why.reason
		}
		return r
	}
	if !exact {
		return why
	}
	return c.against(right)
}

// sameOperator says whether the operator is the server's own equality, under a
// collation that tells texts apart; if not, what that makes of the condition.
func (c *condition) sameOperator(n *catalog.Node) (result, bool) {
	if n.Tag == "FUNCEXPR" {
		return result{}, true
	}
	op := n.OID("opno")
	name := c.m.operators[op]
	same, ok := c.m.equality[op]
	switch {
	case !ok && name == "<>":
		return isOpen("not", "the rows of all other tenants pass"), false
	case name == "?" && textLike(c.typeOfTenantSide(n)):
		return result{}, true // a key of a JSON object or an element of a JSON array, as it is
	case name == "@>" || name == "<@" || name == "&&" || name == "?|":
		return isOpaque("compare", fmt.Sprintf("the tenant is compared by %s", name)), false
	case !ok:
		return result{level: loose, class: "compare", reason: fmt.Sprintf("%s is not equality: tenants with similar keys are taken for each other", name)}, false
	case !same.builtin && c.col.BaseType == "citext":
		return result{level: loose, class: "compare", reason: "citext takes keys that differ in upper and lower case for the same tenant"}, false
	case !same.builtin:
		return result{level: loose, class: "compare", reason: fmt.Sprintf("the operator %s is not the server's own", name)}, false
	}
	if !c.col.Deterministic {
		return result{level: loose, class: "compare", reason: "the column's collation takes different keys for the same tenant"}, false
	}
	return result{}, true
}

// typeOfTenantSide returns the type that the tenant column is compared as.
func (c *condition) typeOfTenantSide(n *catalog.Node) catalog.OID {
	for _, a := range n.List("args") {
		if len(rowVars(a)) == 0 {
			continue
		}
		for _, field := range []string{"vartype", "resulttype", "funcresulttype"} {
			if t := a.OID(field); t != 0 {
				return t
			}
		}
	}
	return 0
}

// exact says whether two rows that agree in the expression have the same tenant.
func (c *condition) exact(n *catalog.Node) (bool, result) {
	from := c.col.BaseOID
	bad := func(format string, args ...any) (bool, result) {
		return false, result{level: loose, class: "compare", reason: fmt.Sprintf(format, args...)}
	}
	for {
		switch n.Tag {
		case "VAR":
			return true, result{}
		case "RELABELTYPE":
			if to := n.OID("resulttype"); to == typeBpchar && from != typeBpchar {
				return bad("as character, keys that differ in trailing spaces are the same")
			}
			n = n.Child("arg")
		case "COLLATEEXPR":
			if n.OID("collOid") != 0 && !c.m.deterministic(n.OID("collOid")) {
				return bad("the collation takes different keys for the same tenant")
			}
			n = n.Child("arg")
		case "COERCETODOMAIN":
			n = n.Child("arg")
		case "COERCEVIAIO":
			to := n.OID("resulttype")
			if !textLike(to) && textLike(from) {
				return bad("cast from text, keys that are written differently are the same tenant")
			}
			if to == typeName {
				return bad("as name, keys that agree in 63 bytes are the same")
			}
			n = n.Child("arg")
		case "COALESCEEXPR":
			// coalesce(tenant_id, <the context>) = <the context>
			if c.col.NotNull {
				n = n.List("args")[0]
				continue
			}
			return false, result{level: nullRow, class: "null", reason: "rows whose tenant is NULL pass for every tenant"}
		case "FUNCEXPR":
			name := c.m.builtins[n.OID("funcid")].name
			to := n.OID("funcresulttype")
			if f := n.Int("funcformat"); f == 1 || f == 2 {
				switch {
				case widening(from, to):
					n = n.List("args")[0]
					continue
				case to == typeName:
					return bad("as name, keys that agree in 63 bytes are the same")
				case (to == typeVarchar || to == typeBpchar) && textLike(from):
					return bad("the cast cuts the key off: keys with the same beginning are the same tenant")
				case to == typeInt2 || to == typeInt4 || to == typeInt8:
					if from == typeInt2 || from == typeInt4 || from == typeInt8 {
						n = n.List("args")[0] // out of range is an error
						continue
					}
					return bad("the cast rounds: different keys are the same tenant")
				}
				return bad("the cast by %s() can take different keys for the same tenant", name)
			}
			if name == "" {
				name = "a function"
			} else {
				name += "()"
			}
			return bad("%s can give the same for different tenants", name)
		default:
			return bad("the expression around the tenant column can give the same for different tenants")
		}
	}
}

func textLike(t catalog.OID) bool { return t == typeText || t == typeVarchar || t == typeBpchar }

// widening says whether a cast keeps different values different.
func widening(from, to catalog.OID) bool {
	order := map[catalog.OID]int{typeInt2: 1, typeInt4: 2, typeInt8: 3, typeNumeric: 4}
	return from == to && from != typeVarchar && from != typeBpchar || order[from] > 0 && order[to] > order[from] || textLike(from) && to == typeText
}

// against judges what the tenant column is compared with.
func (c *condition) against(n *catalog.Node) result {
	v := c.m.value(n)
	r := result{level: pinned, contexts: v.sources, calls: v.calls, lookups: union(v.relations, v.kept)}
	switch {
	case v.isNull && v.constant:
		return isClosed()
	case v.constant && len(v.calls) == 0 && (nobody(v.text) || slices.Contains([]string{"public", "system", "shared", "global", "default", "common"}, strings.ToLower(v.text))):
		return result{level: nullRow, class: "shared", reason: fmt.Sprintf("rows of the tenant %q pass for every tenant", v.text)}
	case v.constant:
		return isOpen("constant", "the tenant is compared with a constant, whoever asks")
	case v.fallback != "":
		return isOpen("fallback", fmt.Sprintf("without a context it falls back to the tenant %s", v.fallback))
	case len(v.sources) == 0 && len(v.relations) == 0:
		return isOpen("constant", "the tenant is compared with a value that no context decides")
	case len(v.sources) == 0:
		return isOpen("subquery", "the tenant is looked up without asking who is there")
	case slices.ContainsFunc(v.relations, c.m.tells):
		r.level = lookup
	case textual(c.col) && len(v.calls) == 0 && !excludesEmpty(n):
		r.class = "empty"
	}
	return r
}

// excludesEmpty says whether an expression makes NULL of the empty text.
func excludesEmpty(n *catalog.Node) bool {
	found := false
	n.Walk(func(n *catalog.Node) bool {
		found = found || n.Tag == "NULLIFEXPR"
		return !found
	})
	return found
}

// tells says whether what stands in a relation can decide whose the context is:
// it has tenants, or the application can write it. A table of keys, which a
// function verifies the context with, is none.
func (m *model) tells(oid catalog.OID) bool {
	r := m.cat.Relation(oid)
	if r == nil {
		return false
	}
	if m.tenancy.Column(r) != nil {
		return true
	}
	return slices.ContainsFunc(m.identities, func(id identity) bool {
		g := m.may(id.role.OID, r)
		return g.Select || g.Insert || g.Update
	})
}

// compareRow judges a comparison of the tenant column with an expression that
// has columns of the row, too.
func (c *condition) compareRow(left, right *catalog.Node, lv, rv []int16) result {
	if slices.Equal(lv, rv) && len(lv) == 1 {
		if stripped(left).Tag == "VAR" && stripped(right).Tag == "VAR" {
			return isOpen("self", "the tenant column is compared with itself")
		}
		return isOpen("unset", "the tenant column is compared with an expression that becomes the column itself when no tenant is set")
	}
	return isOpen("self", "the tenant column is compared with another column of the same row")
}

// compareOther judges a comparison of other columns. One with the person who is
// there can be the rule of a table; anything else is open.
func (c *condition) compareOther(n, left, right *catalog.Node, lv, rv []int16) result {
	if len(rv) == 0 {
		v := c.m.value(right)
		_, same := c.m.equality[n.OID("opno")]
		if col := c.rel.Column(int16(firstVar(left).Int("varattno"))); c.col != nil && same && col != nil && c.readsCanon(v) {
			if slices.Contains(c.m.tenancy.Names, col.Name) {
				other := *c
				other.col = col
				return other.compare(n, []*catalog.Node{left, right}, false)
			}
			return isOpen("column", fmt.Sprintf("it is the column %s that is compared with the tenant of the context, not %s", col.Name, c.col.Name))
		}
		if !v.constant && same && (len(v.sources) > 0) {
			r := isOpaque("person", fmt.Sprintf("the column %s is compared, not the tenant's", c.columnName(firstVar(left))))
			r.contexts, r.calls, r.lookups = v.sources, v.calls, union(v.relations, v.kept)
			if c.col == nil {
				r.contexts = nil
			}
			return r
		}
	}
	return isOpen("column", fmt.Sprintf("the column %s lets rows of all tenants pass", c.columnName(firstVar(left))))
}

// readsCanon says whether a value comes from the setting that other policies
// take the tenant from.
func (c *condition) readsCanon(v value) bool {
	return slices.ContainsFunc(v.sources, func(s source) bool { return s.setting != "" && slices.Contains(c.m.canon, s.setting) })
}

func firstVar(n *catalog.Node) *catalog.Node {
	var found *catalog.Node
	n.Walk(func(n *catalog.Node) bool {
		if found == nil && n.Tag == "VAR" && n.Int("varlevelsup") == 0 {
			found = n
		}
		return found == nil
	})
	if found == nil {
		return n
	}
	return found
}
