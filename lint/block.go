package lint

import "slices"

// block is one query level: a SELECT, VALUES, a set operation, or what a
// data-modifying statement returns.
type block struct {
	outs []output
	open bool // has outputs that are not known

	f     token // present in every row that survives FROM and WHERE
	outer token // present while the whole block is evaluated
	ctx   token // present while the expression being walked is evaluated
	rows  bool  // a result row means that a row survived: no plain aggregate

	parent *block
	ns     *namespace
	subs   map[*subLink]*block
	aggs   []aggregate
	wins   []*windowDef
	named  []*windowDef
	// hasAgg is set when an aggregate belongs to this level.
	hasAgg bool
}

// output is a column of a block.
type output struct {
	name string
	node nodeID // what the column equals inside the block
	// outer is the column seen from outside, for the blocks of subqueries in
	// expressions; blocks in FROM have a relation for that.
	outer nodeID
	// through says that a condition on the column from outside selects the
	// rows inside: that no LIMIT, aggregate or window has seen others.
	through bool
	typ     string
}

type aggregate struct {
	filter []*fact
	has    bool
}

func (a *analysis) newBlock(parent *block, outer token) *block {
	a.blocks++
	b := &block{f: a.token(), outer: outer, ctx: outer, parent: parent, subs: map[*subLink]*block{}, rows: true}
	a.imply(b.f, outer)
	return b
}

// start returns the tokens that a result row of the block brings.
func (b *block) start() []token {
	if b.rows && b.f != noToken {
		return []token{b.f}
	}
	return []token{b.outer}
}

// subquery builds a query that stands in FROM.
func (a *analysis) subquery(q *selectStmt, sc *scope, outer token) *block {
	return a.selectBlockIn(q, sc, nil, outer, nil)
}

// selectBlock builds a query by itself.
func (a *analysis) selectBlock(q *selectStmt, sc *scope) *block {
	return a.selectBlockIn(q, sc, nil, noToken, nil)
}

func (a *analysis) selectBlockIn(q *selectStmt, sc *scope, parent *block, outer token, rec *recursion) *block {
	if a.blocks > maxBlocks {
		if !a.tooLarge {
			a.tooLarge = true
			a.report(ruleNotUnderstood, 0, "the query is too large once its views and common table expressions are expanded (split it)")
		}
		a.markSeen(q)
		return &block{open: true, f: noToken, outer: outer}
	}
	inner := &scope{parent: sc.parent, ns: sc.ns, ctes: sc.ctes}
	inner.ctes = a.with(q.GetWithClause(), inner, outer)
	switch {
	case len(q.GetValuesLists()) > 0:
		return a.valuesBlock(q, inner, parent, outer)
	case q.GetOp() != setNone && q.GetLarg() != nil:
		return a.setBlock(q, inner, parent, outer, rec)
	}
	return a.simpleBlock(q, inner, parent, outer)
}

// simpleBlock builds SELECT … FROM … WHERE ….
func (a *analysis) simpleBlock(q *selectStmt, outerScope *scope, parent *block, outer token) *block {
	b := a.newBlock(parent, outer)
	if q.GetIntoClause() != nil {
		a.seen[q.GetIntoClause().GetRel()] = true
		a.report(ruleStatement, q.GetIntoClause().GetRel().GetLocation(), "SELECT INTO creates a table that no policy protects (insert into a table of the schema)")
	}
	sc := &scope{parent: outerScope, ctes: outerScope.ctes}
	from := a.fromClause(q.GetFromClause(), sc, b)
	sc.ns, b.ns = from.ns, from.ns
	b.ctx = b.f
	a.walk(q.GetWhereClause(), sc, b)
	facts := a.condition(q.GetWhereClause(), sc, b)
	b.named = windowDefs(q.GetWindowClause())
	a.walkAll(q.GetTargetList(), sc, b)
	a.walkWindows(q.GetWindowClause(), sc, b)
	outs := a.outputs(q.GetTargetList(), sc, b)
	a.walkKeys(q.GetGroupClause(), outs, false, sc, b)
	a.walk(q.GetHavingClause(), sc, b)
	a.walkKeys(q.GetDistinctClause(), outs, true, sc, b)
	a.walkKeys(q.GetSortClause(), outs, true, sc, b)
	facts = append(facts, a.groupFacts(q, sc, b)...)
	a.enforce(from, facts, b)
	b.ctx = b.outer
	a.walk(q.GetLimitCount(), sc, b)
	a.walk(q.GetLimitOffset(), sc, b)
	for _, l := range q.GetLockingClause() {
		a.markSeen(l)
	}
	b.rows = len(q.GetGroupClause()) > 0 && !hasGroupingSets(q) || !b.hasAgg && q.GetHavingClause() == nil && len(q.GetGroupClause()) == 0
	a.markThrough(q, outs, sc, b)
	b.outs = outs
	return b
}

// activate connects EXISTS and IN conditions: where the condition holds, a row
// of the subquery exists in which the subquery's own conditions hold.
func (a *analysis) activate(facts []*fact) {
	for _, f := range facts {
		if f.kind == factActivate {
			for _, g := range f.guards {
				a.imply(g, f.block.f)
			}
		}
	}
}

// groupFacts returns what HAVING and aggregate filters say about the rows.
func (a *analysis) groupFacts(q *selectStmt, sc *scope, b *block) []*fact {
	grouped := len(q.GetGroupClause()) > 0
	if grouped && !hasGroupingSets(q) {
		// A column outside an aggregate has one value per group, so a
		// condition on it selects whole groups.
		return a.condition(q.GetHavingClause(), sc, b)
	}
	if grouped || len(b.aggs) == 0 {
		return nil
	}
	// One row comes out whatever goes in; a row that every aggregate filters
	// away changes nothing.
	var arms [][]*fact
	for _, g := range b.aggs {
		if !g.has {
			return nil
		}
		arms = append(arms, g.filter)
	}
	return a.orFacts(arms)
}

func hasGroupingSets(q *selectStmt) bool {
	return slices.ContainsFunc(q.GetGroupClause(), func(n *node) bool {
		g, ok := unwrap(n).(*groupingSet)
		return ok && g.GetKind() != groupSimple
	})
}

// markThrough decides, per output, whether a condition on it from outside
// reaches the rows inside.
func (a *analysis) markThrough(q *selectStmt, outs []output, sc *scope, b *block) {
	if q.GetLimitCount() != nil || q.GetLimitOffset() != nil || len(q.GetLockingClause()) > 0 || hasGroupingSets(q) {
		return
	}
	if b.hasAgg && len(q.GetGroupClause()) == 0 {
		return
	}
	distinct := distinctOn(q)
	for i := range outs {
		n := outs[i].node
		if n == noNode || a.nodes[n].kind == termParam || a.nodes[n].kind == termLiteral {
			continue
		}
		outs[i].through = (distinct == nil || a.keyed(distinct, outs, i, sc, b)) && a.partitioned(n, sc, b)
	}
}

// distinctOn returns the expressions of DISTINCT ON, nil for plain DISTINCT.
func distinctOn(q *selectStmt) []*node {
	var out []*node
	for _, d := range q.GetDistinctClause() {
		if d != nil && d.Node != nil {
			out = append(out, d)
		}
	}
	return out
}

// keyed reports whether output i is among the keys of DISTINCT ON.
func (a *analysis) keyed(keys []*node, outs []output, i int, sc *scope, b *block) bool {
	for _, k := range keys {
		if c, ok := unwrap(k).(*aConst); ok && int(c.GetIval().GetIval()) == i+1 {
			return true
		}
		if c, ok := unwrap(k).(*columnRef); ok && len(c.GetFields()) == 1 && c.GetFields()[0].GetString_().GetSval() == outs[i].name {
			return true
		}
		if a.termOf(k, sc, b) == outs[i].node {
			return true
		}
	}
	return false
}

// partitioned reports whether every window is cut by n, so that no row of
// another n takes part in the window of a row.
func (a *analysis) partitioned(n nodeID, sc *scope, b *block) bool {
	for _, w := range b.wins {
		if !slices.ContainsFunc(b.partition(w, 0), func(p *node) bool { return a.termOf(p, sc, b) == n }) {
			return false
		}
	}
	return true
}

// partition returns the PARTITION BY list of a window, which may be another's.
func (b *block) partition(w *windowDef, depth int) []*node {
	if len(w.GetPartitionClause()) > 0 || depth > 8 {
		return w.GetPartitionClause()
	}
	ref := w.GetRefname()
	if ref == "" {
		ref = w.GetName()
	}
	for _, d := range b.named {
		if d.GetName() == ref && d != w {
			return b.partition(d, depth+1)
		}
	}
	return nil
}

func windowDefs(list []*node) []*windowDef {
	var out []*windowDef
	for _, n := range list {
		if w, ok := unwrap(n).(*windowDef); ok {
			out = append(out, w)
		}
	}
	return out
}

// setBlock builds UNION, INTERSECT and EXCEPT.
func (a *analysis) setBlock(q *selectStmt, sc *scope, parent *block, outer token, rec *recursion) *block {
	b := &block{f: noToken, outer: outer, ctx: outer, parent: parent, subs: map[*subLink]*block{}}
	l := a.selectBlockIn(q.GetLarg(), sc, parent, outer, nil)
	if rec != nil && rec.outs == nil {
		rec.outs = l.outs
	}
	r := a.selectBlockIn(q.GetRarg(), sc, parent, outer, nil)
	b.open = l.open || r.open
	limited := q.GetLimitCount() != nil || q.GetLimitOffset() != nil
	for k := range l.outs {
		n := a.node(term{kind: termAll, name: l.outs[k].name, typ: l.outs[k].typ, leaf: noToken, rec: rec, col: k})
		arms := []arm{{l.outs[k].node, l.start()}}
		var right output
		if k < len(r.outs) {
			right = r.outs[k]
		} else {
			right.node = noNode
		}
		if q.GetOp() != setExcept {
			arms = append(arms, arm{right.node, r.start()})
		}
		a.nodes[n].arms, a.nodes[n].any = arms, q.GetOp() == setIntersect
		if rec == nil {
			for _, o := range []output{l.outs[k], right} {
				if o.node != noNode && o.through {
					a.link(o.node, n, nil)
				}
			}
		}
		b.outs = append(b.outs, output{name: l.outs[k].name, node: n, outer: noNode, through: !limited && rec == nil, typ: l.outs[k].typ})
	}
	if rec != nil {
		rec.block = b
	}
	a.walkLoose(q.GetSortClause(), b, sc)
	a.walk(q.GetLimitCount(), sc, b)
	a.walk(q.GetLimitOffset(), sc, b)
	return b
}

// valuesBlock builds VALUES (…), (…).
func (a *analysis) valuesBlock(q *selectStmt, sc *scope, parent *block, outer token) *block {
	b := &block{f: noToken, outer: outer, ctx: outer, parent: parent, subs: map[*subLink]*block{}}
	var columns [][]arm
	for _, row := range q.GetValuesLists() {
		items := row.GetList().GetItems()
		a.walkAll(items, sc, b)
		for len(columns) < len(items) {
			columns = append(columns, nil)
		}
		for k, e := range items {
			columns[k] = append(columns[k], arm{a.termOf(e, sc, b), []token{outer}})
		}
	}
	for k, arms := range columns {
		o := output{name: "column" + itoa(k+1), node: arms[0].node, outer: noNode}
		if len(arms) > 1 {
			o.node = a.node(term{kind: termAll, name: o.name, leaf: noToken, arms: arms})
		}
		b.outs = append(b.outs, o)
	}
	a.walkLoose(q.GetSortClause(), b, sc)
	a.walk(q.GetLimitCount(), sc, b)
	a.walk(q.GetLimitOffset(), sc, b)
	return b
}

// blockRelation makes a block a row source of a FROM clause.
func (a *analysis) blockRelation(sub *block, al *alias, name string) *relation {
	if n := al.GetAliasname(); n != "" {
		name = n
	}
	r := &relation{name: name, leaf: a.token(), open: sub.open}
	if sub.rows {
		a.imply(r.leaf, sub.f)
	}
	cols := names(al.GetColnames())
	for i := range sub.outs {
		o := &sub.outs[i]
		n := a.node(term{kind: termColumn, name: name + "." + o.name, typ: o.typ, leaf: r.leaf, notNull: o.node != noNode && a.nodes[o.node].notNull && sub.rows})
		a.expose(o, n, true)
		c := relColumn{name: o.name, node: n, typ: o.typ}
		if i < len(cols) {
			c.name = cols[i]
		}
		r.addColumn(c)
	}
	return r
}

// expose links the column of a subquery as seen from outside with what it is
// inside. The way in is always open: the values are equal. The way out is open
// where a condition from outside selects the rows inside.
func (a *analysis) expose(o *output, outer nodeID, wayOut bool) {
	a.link(outer, o.node, nil)
	if wayOut && o.through {
		a.link(o.node, outer, nil)
	}
}
