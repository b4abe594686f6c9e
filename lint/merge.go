package lint

import "slices"

// merge1 builds MERGE. A source row is matched with target rows, so what is
// known of the pair is an outer join; which rows matter is what the WHEN
// clauses say that do something.
func (a *analysis) merge1(v *mergeStmt, outer *scope, ctx token) *block {
	env := a.with(v.GetWithClause(), outer, ctx)
	var forward, backward []*mergeWhen
	for _, n := range v.GetMergeWhenClauses() {
		w := n.GetMergeWhenClause()
		if w.GetMatchKind() == mergeNotMatchedBySource {
			backward = append(backward, w)
		} else {
			forward = append(forward, w)
		}
	}
	b := a.mergeSide(v, outer, env, ctx, forward, joinTypeLeft)
	if slices.ContainsFunc(backward, acts) {
		// Every target row without a source row: the other way round.
		a.mergeSide(v, outer, env, ctx, backward, joinTypeRight)
	}
	return b
}

func acts(w *mergeWhen) bool { return w.GetCommandType() != cmdNothing }

func (a *analysis) mergeSide(v *mergeStmt, outer *scope, env *cteEnv, ctx token, whens []*mergeWhen, kind joinKind) *block {
	b := a.newBlock(nil, ctx)
	sc := &scope{parent: outer, ctes: env}
	source := a.fromNode(v.GetSourceRelation(), sc, &namespace{}, b)
	target, r := a.target(v.GetRelation(), b, "merge")
	tree := &joinTree{kind: kind, l: source.tree, r: target.tree, leaves: concatTokens(source.tree.leaves, target.tree.leaves), ctx: a.token()}
	a.imply(tree.ctx, ctx)
	sc.ns = source.ns.plus(target.ns)
	b.ns = sc.ns
	b.ctx = tree.ctx
	a.walk(v.GetJoinCondition(), sc, b)
	tree.on = a.condition(v.GetJoinCondition(), sc, b)
	b.ctx = b.f
	var arms [][]*fact
	for _, w := range whens {
		a.walk(w.GetCondition(), sc, b)
		if !acts(w) {
			continue
		}
		arm := a.condition(w.GetCondition(), sc, b)
		if w.GetMatchKind() == mergeMatched {
			arm = append(arm, a.condition(v.GetJoinCondition(), sc, b)...)
		}
		arms = append(arms, arm)
	}
	facts := a.orFacts(arms)
	a.enforce(fromItem{tree, sc.ns}, facts, b)
	for _, w := range whens {
		a.mergeAction(w, v, r, source, sc, b)
	}
	a.returning(v.GetReturningClause(), r, sc, b)
	for i := range b.outs {
		b.outs[i].node = noNode // which of the actions returned the row is not known
	}
	return b
}

func (a *analysis) mergeAction(w *mergeWhen, v *mergeStmt, r *relation, source fromItem, sc *scope, b *block) {
	switch w.GetCommandType() {
	case cmdUpdate:
		a.walkAll(w.GetTargetList(), sc, b)
		a.reassign(w.GetTargetList(), r)
	case cmdInsert:
		in := &scope{parent: sc.parent, ns: source.ns, ctes: sc.ctes}
		a.walkAll(w.GetValues(), in, b)
		if r.table == nil {
			return
		}
		var cols []string
		for _, c := range w.GetTargetList() {
			cols = append(cols, c.GetResTarget().GetName())
		}
		if len(cols) == 0 {
			for _, c := range r.table.Columns {
				cols = append(cols, c.Name)
			}
		}
		// The values stand for one row of a source block.
		src := &block{f: b.f, outer: b.outer, rows: true}
		for _, e := range w.GetValues() {
			src.outs = append(src.outs, output{node: a.termOf(e, in, b), outer: noNode})
		}
		a.addInsertion(r.table, v.GetRelation(), cols, src, func(int) bool { return false })
	}
}
