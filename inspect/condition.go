package inspect

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A condition judges the expression of a policy on one table as one role sees it.
type condition struct {
	m    *model
	rel  *catalog.Relation
	col  *catalog.Column // the tenant column; nil in a table without one
	role *catalog.Role
}

func (c *condition) text(tree string) result {
	if tree == "" {
		return isOpen("missing", "it has no condition")
	}
	n, err := catalog.ParseNode(tree)
	if err != nil {
		return isOpaque("function", "its expression could not be read")
	}
	return c.judge(n)
}

func (c *condition) judge(n *catalog.Node) result {
	if n == nil {
		return isOpen("missing", "it has no condition")
	}
	switch n.Tag {
	case "BOOLEXPR":
		return c.logic(n)
	case "CONST":
		if n.Bool("constisnull") || constText(n) == "false" {
			return isClosed()
		}
		return isOpen("true", "its condition is always true")
	case "COALESCEEXPR":
		return or(c.each(n.List("args"))...)
	case "CASEEXPR":
		return c.cases(n)
	case "BOOLEANTEST":
		if n.Int("booltesttype") == 0 {
			return c.judge(n.Child("arg"))
		}
		return isOpen("unset", "it also passes rows for which the comparison is not true")
	case "RELABELTYPE", "COLLATEEXPR":
		return c.judge(n.Child("arg"))
	case "SUBLINK":
		return c.sublink(n)
	}
	if !hasRowVar(n) {
		return c.rowFree(n)
	}
	switch n.Tag {
	case "NULLTEST":
		return c.nullTest(n)
	case "OPEXPR":
		return c.operator(n)
	case "SCALARARRAYOPEXPR":
		return c.anyOf(n)
	case "FUNCEXPR":
		return c.function(n)
	case "VAR":
		return isOpen("column", fmt.Sprintf("the column %s lets a row pass", c.columnName(n)))
	}
	return isOpaque("compare", "its expression is of a kind that cannot be judged")
}

func (c *condition) each(list []*catalog.Node) []result {
	var out []result
	for _, n := range list {
		out = append(out, c.judge(n))
	}
	return out
}

func (c *condition) logic(n *catalog.Node) result {
	args := n.List("args")
	switch n.Text("boolop") {
	case "and":
		return and(c.each(args)...)
	case "or":
		return or(c.each(args)...)
	}
	// NOT: of "is distinct from" and of <> it is a comparison, else a negation.
	inner := args[0]
	if inner.Tag == "DISTINCTEXPR" {
		r := c.compare(inner, inner.List("args"), true)
		if r.level == pinned && c.col != nil && !c.col.NotNull {
			return result{level: nullRow, class: "distinct", reason: "without a context, rows whose tenant is NULL pass", contexts: r.contexts}
		}
		return r
	}
	if !hasRowVar(inner) {
		return c.rowFree(n)
	}
	return isOpen("not", "it says which rows do not pass")
}

func (c *condition) cases(n *catalog.Node) result {
	var arms []result
	for _, w := range n.List("args") {
		if n.Child("arg") != nil {
			arms = append(arms, c.judge(w.Child("result")))
			continue
		}
		arms = append(arms, and(c.judge(w.Child("expr")), c.judge(w.Child("result"))))
	}
	if d := n.Child("defresult"); d != nil {
		arms = append(arms, c.judge(d))
	}
	return or(arms...)
}

// rowFree judges a condition that is the same for all rows: when it is true,
// all pass.
func (c *condition) rowFree(n *catalog.Node) result {
	if c.false(n) {
		return isClosed()
	}
	v := c.m.value(n)
	r := isOpen("bypass", "a part of it looks at no row: when it is true, the rows of all tenants pass")
	if isNull := n.Tag == "NULLTEST" && n.Int("nulltesttype") == 0; isNull {
		return isOpen("unset", "all rows pass when no tenant is set")
	}
	switch {
	case v.constant && len(v.calls) == 0:
		return isOpen("true", "a part of it is always true")
	case len(v.relations) > 0:
		r = isOpaque("function", "a lookup that is not about the row can let all rows pass")
		r.lookups = v.relations
	case len(v.calls) > 0 && !c.readsSetting(v):
		r = isOpaque("function", "a function that is not about the row can let all rows pass")
	case len(v.sources) > 0 && v.sources[0].setting != "":
		r.reason = fmt.Sprintf("whoever sets %s opens the rows of all tenants", v.sources[0].setting)
	}
	r.calls, r.lookups = v.calls, union(r.lookups, v.kept)
	return r
}

func (c *condition) readsSetting(v value) bool {
	return slices.ContainsFunc(v.sources, func(s source) bool { return s.setting != "" })
}

// false says whether a condition on the user cannot be true for the role: it
// names another one.
func (c *condition) false(n *catalog.Node) bool {
	args := n.List("args")
	switch n.Tag {
	case "OPEXPR":
		if len(args) != 2 || c.m.operators[n.OID("opno")] != "=" {
			return false
		}
		a, b := stripped(args[0]), stripped(args[1])
		if b.Tag == "SQLVALUEFUNCTION" || isUserCall(c.m, b) {
			a, b = b, a
		}
		if a.Tag != "SQLVALUEFUNCTION" && !isUserCall(c.m, a) || b.Tag != "CONST" {
			return false
		}
		name := constText(b)
		return name != "" && name != "?" && name != c.role.Name && name != c.m.app.Name
	case "SCALARARRAYOPEXPR":
		return false
	case "FUNCEXPR":
		b, ok := c.m.builtins[n.OID("funcid")]
		if !ok || b.name != "pg_has_role" || len(args) < 2 {
			return false
		}
		name := constText(args[len(args)-2])
		other := c.m.cat.RoleNamed(name)
		if name == "" || name == "?" {
			return false
		}
		return other == nil || !c.m.set[[2]catalog.OID{c.role.OID, other.OID}] && !c.m.inherits(c.role.OID, other.OID) && other.OID != c.role.OID
	}
	return false
}

func isUserCall(m *model, n *catalog.Node) bool {
	if n.Tag != "FUNCEXPR" {
		return false
	}
	name := m.builtins[n.OID("funcid")].name
	return name == "current_user" || name == "session_user" || name == "getpgusername"
}

// stripped takes off what changes the type but not the value.
func stripped(n *catalog.Node) *catalog.Node {
	for n != nil {
		switch n.Tag {
		case "RELABELTYPE", "COLLATEEXPR", "COERCEVIAIO", "COERCETODOMAIN":
			n = n.Child("arg")
		case "FUNCEXPR":
			args := n.List("args")
			// 1 and 2 are the formats of an explicit and an implicit cast.
			if f := n.Int("funcformat"); (f == 1 || f == 2) && len(args) > 0 {
				n = args[0]
				continue
			}
			return n
		default:
			return n
		}
	}
	return n
}

func (c *condition) columnName(n *catalog.Node) string {
	if col := c.rel.Column(int16(n.Int("varattno"))); col != nil {
		return col.Name
	}
	return "?"
}

func (c *condition) nullTest(n *catalog.Node) result {
	arg := stripped(n.Child("arg"))
	isNull := n.Int("nulltesttype") == 0
	if c.isTenantVar(arg) && isNull {
		if c.col.NotNull {
			return isClosed()
		}
		return result{level: nullRow, class: "null", reason: "rows whose tenant is NULL pass for every tenant"}
	}
	if c.isTenantVar(arg) {
		return isOpen("null", "rows of every tenant pass")
	}
	return isOpen("column", "a column other than the tenant's lets rows of all tenants pass")
}

func (c *condition) isTenantVar(n *catalog.Node) bool {
	return n != nil && c.col != nil && n.Tag == "VAR" && n.Int("varlevelsup") == 0 && int16(n.Int("varattno")) == c.col.Num
}

func (c *condition) operator(n *catalog.Node) result {
	args := n.List("args")
	if len(args) != 2 {
		return isOpen("compare", "it compares no tenant")
	}
	return c.compare(n, args, false)
}

// anyOf judges x = ANY (array).
func (c *condition) anyOf(n *catalog.Node) result {
	args := n.List("args")
	if len(args) != 2 || !n.Bool("useOr") {
		return isOpen("compare", "rows pass that differ from one value of a list")
	}
	// x IN (a, b) is as wide as the widest of them.
	if args[1].Tag == "ARRAYEXPR" && !hasRowVar(args[1]) {
		var each []result
		for _, e := range args[1].List("elements") {
			each = append(each, c.compare(n, []*catalog.Node{args[0], e}, false))
		}
		return or(each...)
	}
	r := c.compare(n, args, false)
	if r.level == pinned && c.col != nil && hasSplit(c.m, args[1]) && textual(c.col) {
		return result{level: loose, class: "list", reason: "the tenant is looked for in a text that is split at a character that a tenant's key may contain", contexts: r.contexts}
	}
	return r
}

func hasSplit(m *model, n *catalog.Node) bool {
	found := false
	n.Walk(func(n *catalog.Node) bool {
		if n.Tag == "FUNCEXPR" && strings.Contains(m.builtins[n.OID("funcid")].name, "string_to_array") {
			found = true
		}
		return !found
	})
	return found
}

func textual(col *catalog.Column) bool {
	switch col.BaseOID {
	case typeText, typeVarchar, typeBpchar, typeName:
		return true
	}
	return col.BaseType == "citext"
}

// function judges a call that gives true or false for a row.
func (c *condition) function(n *catalog.Node) result {
	oid := n.OID("funcid")
	vars := rowVars(n)
	if b, ok := c.m.builtins[oid]; ok {
		// uuid_eq(a, b) is what the operator = calls.
		if args := n.List("args"); len(args) == 2 && strings.HasSuffix(b.name, "eq") {
			return c.compare(n, args, false)
		}
		if c.col != nil && slices.Contains(vars, c.col.Num) {
			return result{level: loose, class: "compare", reason: fmt.Sprintf("%s() is not equality", b.name)}
		}
		return isOpen("compare", fmt.Sprintf("%s() looks at columns other than the tenant's", b.name))
	}
	f := c.m.cat.Function(oid)
	if f == nil {
		return isOpaque("function", "a function that could not be read decides")
	}
	if inner := inlined(f, n.List("args")); inner != nil {
		r := c.judge(inner)
		r.calls = union(r.calls, []catalog.OID{oid})
		return r
	}
	b := c.m.body(f)
	if reOpen.MatchString(b.code) {
		return result{level: open, class: "unset", reason: fmt.Sprintf("the function %s says yes when something is NULL", f.Name()), calls: []catalog.OID{oid}}
	}
	if len(b.reads) == 0 && reLoose.MatchString(b.code) {
		return result{level: loose, class: "function", reason: fmt.Sprintf("the function %s compares loosely", f.Name()), calls: []catalog.OID{oid}}
	}
	r := isOpaque("function", fmt.Sprintf("the function %s decides, from the row's columns", f.Name()))
	r.calls, r.lookups = union([]catalog.OID{oid}, b.calls), union(b.reads, b.kept)
	if c.col != nil && !slices.Contains(vars, c.col.Num) && len(b.reads) == 0 {
		r.level, r.reason = open, fmt.Sprintf("the function %s is given no tenant and reads no table", f.Name())
	}
	args := c.m.value(n)
	if b.constant && len(args.sources) == 0 {
		return result{level: open, class: "function", reason: fmt.Sprintf("the function %s gives the same answer in every tenant", f.Name()), calls: r.calls}
	}
	return r
}

var (
	reOpen  = regexp.MustCompile(`(?i)\bis\s+null\s+or\b|\bor\b[^;]{0,80}\bis\s+null\b|\bis\s+not\s+false\b`)
	reLoose = regexp.MustCompile(`(?i)\b(?:lower|upper|left|substr|substring|starts_with|md5|hashtext)\s*\(|\bi?like\b|~~|\bsimilar\s+to\b`)
)

// inlined returns the expression of a function that is nothing but one, with
// the arguments in place; nil for other functions.
func inlined(f *catalog.Function, args []*catalog.Node) *catalog.Node {
	q, err := catalog.ParseNode(f.Tree)
	if err != nil || q == nil {
		return nil
	}
	for q.Tag == "LIST" {
		items := q.List("items")
		if len(items) != 1 {
			return nil
		}
		q = items[0]
	}
	targets := q.List("targetList")
	if len(q.List("rtable")) > 0 || len(targets) != 1 || q.Child("jointree").Child("quals") != nil {
		return nil
	}
	// Inside a sub-select a column of the row would need another level.
	nested := false
	expr := targets[0].Child("expr")
	expr.Walk(func(n *catalog.Node) bool { nested = nested || n.Tag == "SUBLINK"; return !nested })
	if nested {
		return nil
	}
	return expr.Map(func(n *catalog.Node) *catalog.Node {
		if id := n.Int("paramid"); n.Tag == "PARAM" && id >= 1 && id <= len(args) {
			return args[id-1]
		}
		return nil
	})
}
