package lint

import "slices"

// fromJoin builds a JOIN.
func (a *analysis) fromJoin(v *joinExpr, sc *scope, left *namespace, b *block) fromItem {
	l := a.fromNode(v.GetLarg(), sc, left, b)
	r := a.fromNode(v.GetRarg(), sc, left.plus(l.ns), b)
	t := &joinTree{l: l.tree, r: r.tree, leaves: concatTokens(l.tree.leaves, r.tree.leaves), ctx: noToken}
	switch v.GetJointype() {
	case joinInner:
		t.kind = joinTypeInner
	case joinLeft:
		t.kind = joinTypeLeft
	case joinRight:
		t.kind = joinTypeRight
	case joinFull:
		t.kind = joinTypeFull
	default:
		a.report(ruleNotUnderstood, 0, "a join of an unknown kind is not understood (write INNER, LEFT, RIGHT or FULL JOIN)")
	}
	item := fromItem{t, l.ns.plus(r.ns)}
	using := names(v.GetUsingClause())
	if v.GetIsNatural() {
		using = a.naturalColumns(l.ns, r.ns, v)
	}
	if len(using) > 0 {
		item.ns = a.merge(t, l.ns, r.ns, using)
	}
	if v.GetQuals() != nil {
		// The condition sees both sides; subqueries in it are evaluated for
		// pairs of rows, which is what the token ctx stands for.
		t.ctx = a.token()
		a.imply(t.ctx, b.outer)
		on := &scope{parent: sc.above(), ns: item.ns, ctes: sc.ctes}
		saved := b.ctx
		b.ctx = t.ctx
		a.walk(v.GetQuals(), on, b)
		b.ctx = saved
		t.on = append(t.on, a.condition(v.GetQuals(), on, b)...)
	}
	if al := v.GetAlias(); al != nil {
		item.ns = a.joinAlias(item.ns, al)
	} else if al := v.GetJoinUsingAlias(); al != nil {
		// The alias of USING names the merged columns and hides nothing.
		ns := &namespace{cols: slices.DeleteFunc(slices.Clone(item.ns.cols), func(c nsColumn) bool { return !slices.Contains(using, c.name) || !c.merged })}
		item.ns.rels = append(item.ns.rels, a.joinAlias(ns, al).rels...)
	}
	return item
}

// naturalColumns returns the columns both sides have.
func (a *analysis) naturalColumns(l, r *namespace, v *joinExpr) []string {
	if l.open || r.open {
		a.report(ruleNotUnderstood, 0, "a NATURAL JOIN with something whose columns are not known is not understood (write ON or USING)")
		return nil
	}
	var out []string
	for _, c := range l.cols {
		if slices.ContainsFunc(r.cols, func(d nsColumn) bool { return d.name == c.name }) && !slices.Contains(out, c.name) {
			out = append(out, c.name)
		}
	}
	return out
}

// merge joins the columns of USING: they come first, once.
func (a *analysis) merge(t *joinTree, l, r *namespace, using []string) *namespace {
	out := &namespace{open: l.open || r.open}
	out.rels = append(append(out.rels, l.rels...), r.rels...)
	for _, name := range using {
		ln, rn := l.unique(a, name), r.unique(a, name)
		if ln != noNode && rn != noNode {
			t.on = append(t.on, a.equal(ln, rn)...)
		}
		out.cols = append(out.cols, nsColumn{name: name, node: a.mergedNode(t.kind, ln, rn), merged: true})
	}
	for _, side := range []*namespace{l, r} {
		for _, c := range side.cols {
			if !slices.Contains(using, c.name) {
				out.cols = append(out.cols, c)
			}
		}
	}
	return out
}

// mergedNode is the value of a column of USING: the left one, except that it is
// the right one in a RIGHT JOIN and whichever is present in a FULL JOIN.
func (a *analysis) mergedNode(kind joinKind, l, r nodeID) nodeID {
	switch kind {
	case joinTypeRight:
		return r
	case joinTypeFull:
		if l == noNode || r == noNode {
			return noNode
		}
		m := a.node(term{kind: termColumn, name: a.nodes[l].name, typ: a.nodes[l].typ, leaf: noToken})
		// From a side that is present one can go to the merged value, never
		// back: the merged value may be the other side's.
		a.link(l, m, &fact{guards: []token{a.nodes[l].leaf}})
		a.link(r, m, &fact{guards: []token{a.nodes[r].leaf}})
		return m
	}
	return l
}

func (n *namespace) unique(a *analysis, name string) nodeID {
	found := noNode
	count := 0
	for _, c := range n.cols {
		if c.name == name {
			found = c.resolve(a)
			count++
		}
	}
	if count != 1 {
		return noNode
	}
	return found
}

// joinAlias hides what stands in "(a JOIN b …) AS j" behind the alias.
func (a *analysis) joinAlias(ns *namespace, al *alias) *namespace {
	r := &relation{name: al.GetAliasname(), leaf: noToken, open: ns.open}
	cols := names(al.GetColnames())
	for i, c := range ns.cols {
		name := c.name
		if i < len(cols) {
			name = cols[i]
		}
		r.addColumn(relColumn{name: name, node: c.resolve(a)})
	}
	return nsOf(r)
}

// push tells every occurrence below t which facts hold when it is present.
// facts are those that every row of t must satisfy to matter; must says that
// every surviving row of the block has t present.
func (a *analysis) push(t *joinTree, facts []*fact, must bool, b *block) {
	switch t.kind {
	case joinEmpty:
		return
	case joinLeaf:
		for _, f := range facts {
			f.guards = append(f.guards, t.leaf)
		}
		if must {
			a.imply(b.f, t.leaf)
		} else {
			a.nullable[t.leaf] = true
		}
		return
	}
	all := concatFacts(facts, t.on)
	if t.ctx != noToken {
		for _, f := range all {
			f.guards = append(f.guards, t.ctx)
		}
	}
	// A strict condition on one side removes the rows in which that side is
	// NULL-extended, which makes an outer join an inner one in that respect.
	needL, needR := a.requires(facts, t.l.leaves), a.requires(facts, t.r.leaves)
	kind := t.kind
	switch {
	case kind == joinTypeFull && needL && needR, kind == joinTypeLeft && needR, kind == joinTypeRight && needL:
		kind = joinTypeInner
	case kind == joinTypeFull && needL:
		kind = joinTypeLeft
	case kind == joinTypeFull && needR:
		kind = joinTypeRight
	}
	switch kind {
	case joinTypeInner:
		if must {
			for _, f := range t.on {
				f.guards = append(f.guards, b.f)
			}
		}
		a.push(t.l, all, must, b)
		a.push(t.r, all, must, b)
	case joinTypeLeft:
		a.push(t.l, facts, must, b)
		a.push(t.r, all, false, b)
	case joinTypeRight:
		a.push(t.l, all, false, b)
		a.push(t.r, facts, must, b)
	default:
		a.push(t.l, facts, false, b)
		a.push(t.r, facts, false, b)
	}
}

func concatFacts(x, y []*fact) []*fact {
	out := make([]*fact, 0, len(x)+len(y))
	return append(append(out, x...), y...)
}

// requires reports whether some fact is strict on one of the occurrences.
func (a *analysis) requires(facts []*fact, leaves []token) bool {
	for _, f := range facts {
		switch f.kind {
		case factStrict:
			if slices.Contains(leaves, f.leaf) {
				return true
			}
		case factEqual:
			if slices.Contains(leaves, a.nodes[f.a].leaf) || slices.Contains(leaves, a.nodes[f.b].leaf) {
				return true
			}
		}
	}
	return false
}

// activateTree connects the EXISTS and IN conditions of ON clauses, once it is
// known where they hold.
func (a *analysis) activateTree(t *joinTree) {
	if t.kind == joinLeaf || t.kind == joinEmpty {
		return
	}
	a.activate(t.on)
	a.activateTree(t.l)
	a.activateTree(t.r)
}
