package lint

import "strings"

// outputs returns the columns of a target list, stars expanded.
func (a *analysis) outputs(list []*node, sc *scope, b *block) []output {
	var out []output
	for _, n := range list {
		t, ok := unwrap(n).(*resTarget)
		if !ok {
			continue
		}
		if cols, open, ok := a.starColumns(t.GetVal(), sc); ok {
			out = append(out, cols...)
			b.open = b.open || open
			continue
		}
		node, typ := a.typedTerm(t.GetVal(), sc, b)
		name := t.GetName()
		if name == "" {
			name = outputName(t.GetVal())
		}
		out = append(out, output{name: name, node: node, outer: noNode, typ: typ})
	}
	return out
}

// starColumns expands *, t.* and sqlc.embed(t).
func (a *analysis) starColumns(e *node, sc *scope) (cols []output, open, ok bool) {
	switch v := unwrap(e).(type) {
	case *columnRef:
		fields := v.GetFields()
		if _, star := unwrap(fields[len(fields)-1]).(*aStar); !star {
			return nil, false, false
		}
		if len(fields) > 1 {
			r := sc.lookupRelation("", fields[len(fields)-2].GetString_().GetSval())
			return a.relationColumns(r, v)
		}
		if sc.ns == nil {
			return nil, true, true
		}
		for _, c := range sc.ns.cols {
			cols = append(cols, a.outputOf(c.name, c.resolve(a)))
		}
		return cols, sc.ns.open, true
	case *funcCall:
		parts := names(v.GetFuncname())
		if len(parts) != 2 || parts[0] != "sqlc" || parts[1] != "embed" || len(v.GetArgs()) != 1 {
			return nil, false, false
		}
		c, _ := unwrap(v.GetArgs()[0]).(*columnRef)
		return a.relationColumns(sc.lookupRelation("", lastName(c.GetFields())), c)
	}
	return nil, false, false
}

func (a *analysis) relationColumns(r *relation, c *columnRef) (cols []output, open, ok bool) {
	if r == nil {
		return nil, true, true
	}
	for _, c := range r.cols {
		cols = append(cols, a.outputOf(c.name, r.column(a, c.name)))
	}
	return cols, r.open, true
}

func (a *analysis) outputOf(name string, n nodeID) output {
	o := output{name: name, node: n, outer: noNode}
	if n != noNode {
		o.typ = a.nodes[n].typ
	}
	return o
}

// outputName is the name Postgres gives a column that has none.
func outputName(e *node) string {
	switch v := unwrap(e).(type) {
	case *columnRef:
		return lastName(v.GetFields())
	case *funcCall:
		return lastName(v.GetFuncname())
	case *typeCast:
		if n := outputName(v.GetArg()); n != "?column?" {
			return n
		}
		return strings.TrimSuffix(strings.TrimSuffix(typeText(v.GetTypeName()), "[]"), "(n)")
	case *collateClause:
		return outputName(v.GetArg())
	case *coalesceExpr:
		return "coalesce"
	case *caseExpr:
		if n := outputName(v.GetDefresult()); v.GetDefresult() != nil && n != "?column?" {
			return n
		}
		return "case"
	case *aArrayExpr:
		return "array"
	case *rowExpr:
		return "row"
	case *aIndirection:
		for i := len(v.GetIndirection()) - 1; i >= 0; i-- {
			if s := v.GetIndirection()[i].GetString_(); s != nil {
				return s.GetSval()
			}
		}
		return outputName(v.GetArg())
	case *subLink:
		return subLinkName(v)
	}
	return specialName(e)
}

func subLinkName(v *subLink) string {
	switch v.GetSubLinkType() {
	case subExists:
		return "exists"
	case subExpr:
		if q, ok := unwrap(v.GetSubselect()).(*selectStmt); ok {
			for q.GetLarg() != nil {
				q = q.GetLarg()
			}
			if len(q.GetTargetList()) == 1 {
				t := q.GetTargetList()[0].GetResTarget()
				if t.GetName() != "" {
					return t.GetName()
				}
				return outputName(t.GetVal())
			}
		}
	case subAll, subAny, subRowCompare:
	default:
		return "array"
	}
	return "?column?"
}

// specialName names the constructs that look like functions but have a node of
// their own.
func specialName(e *node) string {
	switch kindName(e) {
	case "MinMaxExpr":
		if strings.Contains(e.GetMinMaxExpr().GetOp().String(), "LEAST") {
			return "least"
		}
		return "greatest"
	case "SQLValueFunction":
		op := strings.ToLower(strings.TrimPrefix(e.GetSqlvalueFunction().GetOp().String(), "SVFOP_"))
		return strings.TrimSuffix(op, "_n")
	case "GroupingFunc":
		return "grouping"
	case "XmlSerialize":
		return "xmlserialize"
	}
	return "?column?"
}
