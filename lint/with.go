package lint

import "fmt"

// with adds the common table expressions of a statement to the scope. Those
// that change data are built at once: they run whether they are named or not.
func (a *analysis) with(w *withClause, sc *scope, ctx token) *cteEnv {
	env := sc.ctes
	if w == nil {
		return env
	}
	var defs []*cteDef
	for _, n := range w.GetCtes() {
		cte := n.GetCommonTableExpr()
		def := &cteDef{cte: cte, env: env, ctx: ctx, recursive: w.GetRecursive()}
		def.scope = sc
		env = &cteEnv{def, env}
		defs = append(defs, def)
		a.ctes = append(a.ctes, def)
	}
	for _, def := range defs {
		if def.recursive {
			def.env = env
		}
	}
	for _, def := range defs {
		body := unwrap(def.cte.GetCtequery())
		if _, ok := body.(*selectStmt); ok {
			continue
		}
		def.used = true
		inner := &scope{parent: sc.parent, ns: sc.ns, ctes: def.env}
		def.dml = a.dataBlock(def.cte.GetCtequery(), inner, ctx)
	}
	return env
}

// cteRelation builds a mention of a common table expression. Each mention is a
// copy of its query: which rows matter depends on the mention.
func (a *analysis) cteRelation(def *cteDef, v *rangeVar, b *block) *relation {
	def.used = true
	al := v.GetAlias()
	if def.rec != nil && def.expanding {
		return a.selfRelation(def, al, v)
	}
	if def.expanding {
		a.report(ruleNotUnderstood, v.GetLocation(), fmt.Sprintf("common table expression %s refers to itself in a way that is not understood (write base UNION ALL recursive)", v.GetRelname()))
		return a.openRelation(&alias{Aliasname: aliasOf(v)})
	}
	sub := def.dml
	if sub == nil {
		sub = a.expandCTE(def)
	}
	sub = renamed(sub, names(def.cte.GetAliascolnames()))
	r := a.blockRelation(sub, al, v.GetRelname())
	if def.cte.GetSearchClause() != nil || def.cte.GetCycleClause() != nil {
		r.open = true
	}
	return r
}

func (a *analysis) expandCTE(def *cteDef) *block {
	q, _ := unwrap(def.cte.GetCtequery()).(*selectStmt)
	def.expanding = true
	var rec *recursion
	if def.recursive && q.GetOp() != setNone && mentions(q, def.cte.GetCtename()) {
		rec = &recursion{}
		def.rec = rec
	}
	inner := &scope{parent: def.scope.parent, ns: def.scope.ns, ctes: def.env}
	sub := a.selectBlockIn(q, inner, nil, def.ctx, rec)
	def.expanding, def.rec = false, nil
	return sub
}

// selfRelation is a recursive query inside itself.
func (a *analysis) selfRelation(def *cteDef, al *alias, v *rangeVar) *relation {
	r := &relation{name: aliasOf(v), leaf: a.token(), open: def.rec.outs == nil}
	cols := names(def.cte.GetAliascolnames())
	if c := names(al.GetColnames()); len(c) > 0 {
		cols = c
	}
	for k, o := range def.rec.outs {
		name := o.name
		if k < len(cols) {
			name = cols[k]
		}
		n := a.node(term{kind: termSelf, name: r.name + "." + name, typ: o.typ, leaf: r.leaf, rec: def.rec, col: k})
		r.addColumn(relColumn{name: name, node: n})
	}
	if def.cte.GetSearchClause() != nil || def.cte.GetCycleClause() != nil {
		r.open = true
	}
	return r
}

// renamed returns the block with other column names.
func renamed(b *block, cols []string) *block {
	if len(cols) == 0 {
		return b
	}
	c := *b
	c.outs = append([]output(nil), b.outs...)
	for i := range c.outs {
		if i < len(cols) {
			c.outs[i].name = cols[i]
		}
	}
	return &c
}

// viewRelation builds a mention of a view: its query, with the names it had
// when it was created.
func (a *analysis) viewRelation(t *Table, v *rangeVar) *relation {
	for _, open := range a.viaView {
		if open == t {
			a.report(ruleNotUnderstood, v.GetLocation(), fmt.Sprintf("view %s contains itself", t))
			return a.openRelation(&alias{Aliasname: aliasOf(v)})
		}
	}
	if t.query == nil {
		a.report(ruleNotUnderstood, v.GetLocation(), fmt.Sprintf("the query of view %s is not understood (write it as a SELECT)", t))
		return a.openRelation(&alias{Aliasname: aliasOf(v)})
	}
	if len(a.viaView) == 0 {
		a.viaAt = a.offset(v.GetLocation())
	}
	path := a.path
	a.viaView, a.path = append(a.viaView, t), t.path
	sub := a.subquery(t.query, &scope{}, noToken)
	a.viaView, a.path = a.viaView[:len(a.viaView)-1], path
	r := a.blockRelation(viewColumns(sub, t), v.GetAlias(), v.GetRelname())
	if v.GetAlias() == nil {
		r.schema = v.GetSchemaname()
	}
	return r
}

// viewColumns gives the outputs of a view's query the names it was created
// with. When a table has got columns since, a * in the query means more than
// the view has; then only the columns that still have a name of their own count.
func viewColumns(b *block, t *Table) *block {
	var cols []string
	for _, c := range t.Columns {
		cols = append(cols, c.Name)
	}
	if len(cols) == len(b.outs) {
		return renamed(b, cols)
	}
	c := *b
	c.outs = nil
	for _, name := range cols {
		o := output{name: name, node: noNode, outer: noNode}
		n := 0
		for _, p := range b.outs {
			if p.name == name {
				o = p
				n++
			}
		}
		if n > 1 {
			o = output{name: name, node: noNode, outer: noNode}
		}
		c.outs = append(c.outs, o)
	}
	return &c
}
