package lint

import "strings"

// termOf returns the node that an expression stands for: a column, a parameter,
// a constant, or the value of a scalar subquery, possibly behind casts that
// lose nothing. Any other expression has no node: what f(tenant_id) says about
// tenant_id is not known.
func (a *analysis) termOf(e *node, sc *scope, b *block) nodeID {
	n, _ := a.typedTerm(e, sc, b)
	return n
}

// typedTerm also returns the type the expression has, if it is known.
func (a *analysis) typedTerm(e *node, sc *scope, b *block) (nodeID, string) {
	switch v := unwrap(e).(type) {
	case *paramRef:
		if p := a.paramOf(v); p != nil {
			return p.node, ""
		}
	case *columnRef:
		if n := a.columnQuiet(v, sc); n != noNode {
			return n, a.nodes[n].typ
		}
	case *funcCall:
		if p := a.sqlcParam(v); p != nil && !p.slice {
			return p.node, ""
		}
	case *typeCast:
		return a.castTerm(v, sc, b)
	case *collateClause:
		switch lastName(v.GetCollname()) {
		case "C", "POSIX", "default", "ucs_basic":
			return a.typedTerm(v.GetArg(), sc, b)
		}
	case *aConst:
		if !v.GetIsnull() {
			return a.literal(constText(v)), ""
		}
	case *subLink:
		if sub := b.subs[v]; sub != nil && v.GetSubLinkType() == subExpr && len(sub.outs) == 1 {
			return sub.outs[0].outer, ""
		}
	case *aIndirection:
		return a.fieldTerm(v, sc)
	}
	return noNode, ""
}

// columnQuiet resolves without reporting: walk has reported already.
func (a *analysis) columnQuiet(c *columnRef, sc *scope) nodeID {
	n := len(a.problems)
	id := a.column(c, sc)
	a.problems = a.problems[:n]
	return id
}

// fieldTerm resolves (t).column, where t is a whole row.
func (a *analysis) fieldTerm(v *aIndirection, sc *scope) (nodeID, string) {
	c, ok := unwrap(v.GetArg()).(*columnRef)
	if !ok || len(c.GetFields()) != 1 || len(v.GetIndirection()) != 1 {
		return noNode, ""
	}
	name := c.GetFields()[0].GetString_().GetSval()
	if _, status := sc.lookupColumn(a, name); status != lookupMissing {
		return noNode, "" // a composite column hides the relation
	}
	r := sc.lookupRelation("", name)
	field := v.GetIndirection()[0].GetString_().GetSval()
	if r == nil || !r.has(field) {
		return noNode, ""
	}
	n := r.column(a, field)
	if n == noNode {
		return noNode, ""
	}
	return n, a.nodes[n].typ
}

func (a *analysis) castTerm(v *typeCast, sc *scope, b *block) (nodeID, string) {
	n, from := a.typedTerm(v.GetArg(), sc, b)
	if n == noNode {
		return noNode, ""
	}
	to := a.schema.baseType(typeText(v.GetTypeName()))
	t := &a.nodes[n]
	if t.kind == termParam && from == "" {
		// The innermost cast only declares the parameter's type. Types that
		// cut, fold or round their input are not declarations.
		t.param.cast, t.param.castAt = true, a.offset(v.GetLocation())
		if declares(to) || a.schema.enums[to] || a.tenancy.isTenantType(typeText(v.GetTypeName())) {
			return n, to
		}
		return noNode, ""
	}
	if t.kind == termParam && declares(from) && declares(to) && (from != "numeric" || isText(to)) {
		return n, to // $1::text::uuid: the caller's value in another form
	}
	if from == to || lossless(from, to) || a.schema.enums[from] && isText(to) {
		return n, to
	}
	if t.kind == termLiteral {
		return n, to
	}
	return noNode, ""
}

func isText(t string) bool { return t == "text" || t == "varchar" }

// declares reports whether $1::type leaves the value of $1 as it is.
func declares(t string) bool {
	switch t {
	case "uuid", "text", "varchar", "int2", "int4", "int8", "numeric", "oid":
		return true
	}
	return false
}

// lossless reports whether a cast keeps different values different and cannot
// fail, so that x::to = y says which x it is.
func lossless(from, to string) bool {
	from = strings.TrimSuffix(from, "(n)")
	switch from {
	case "uuid", "citext", "name", "bpchar", "char", "ulid":
		return isText(to)
	case "text", "varchar":
		return isText(to)
	case "int2":
		return to == "int4" || to == "int8" || to == "numeric" || isText(to)
	case "int4":
		return to == "int8" || to == "numeric" || isText(to)
	case "int8":
		return to == "numeric" || isText(to)
	case "numeric":
		return isText(to) || to == "numeric"
	}
	return false
}

func constText(c *aConst) string {
	switch {
	case c.GetIsnull():
		return "NULL"
	case c.GetSval() != nil:
		return "'" + c.GetSval().GetSval() + "'"
	case c.GetFval() != nil:
		return c.GetFval().GetFval()
	case c.GetBoolval() != nil:
		if c.GetBoolval().GetBoolval() {
			return "true"
		}
		return "false"
	case c.GetBsval() != nil:
		return c.GetBsval().GetBsval()
	}
	return itoa(int(c.GetIval().GetIval()))
}

// paramOf returns the parameter of $n.
func (a *analysis) paramOf(v *paramRef) *param {
	num := v.GetNumber()
	if num <= 0 {
		return nil // a bare ? says nothing about which argument it is
	}
	if name, ok := a.named[num]; ok {
		return a.param(name, 0)
	}
	return a.param("$"+itoa(int(num)), num)
}

// sqlcParam returns the parameter of sqlc.arg(x), sqlc.narg(x), sqlc.slice(x)
// and pggen.arg(x), or nil for any other call.
func (a *analysis) sqlcParam(f *funcCall) *param {
	parts := names(f.GetFuncname())
	if len(parts) != 2 || len(f.GetArgs()) == 0 || parts[0] != "sqlc" && parts[0] != "pggen" {
		return nil
	}
	var name string
	switch arg := unwrap(f.GetArgs()[0]).(type) {
	case *columnRef:
		name = lastName(arg.GetFields())
	case *aConst:
		name = arg.GetSval().GetSval()
	}
	if name == "" {
		return nil
	}
	switch parts[1] {
	case "arg", "narg", "slice":
	default:
		return nil
	}
	p := a.param("@"+name, 0)
	p.nullable = p.nullable || parts[1] == "narg"
	if parts[1] == "slice" {
		p.slice, p.at = true, a.offset(f.GetLocation())
	}
	return p
}
