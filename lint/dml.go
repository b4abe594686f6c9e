package lint

import (
	"fmt"
	"slices"
)

// insertion is the rows an INSERT (or the INSERT of a MERGE) writes.
type insertion struct {
	table   *Table
	at      int
	levels  []arm  // the value of each tenant column
	missing []bool // the tenant column is not written
	free    []bool // need not be written: a new tenant
}

// dataBlock builds a statement that changes data; the block is what RETURNING
// gives back.
func (a *analysis) dataBlock(n *node, sc *scope, ctx token) *block {
	switch v := unwrap(n).(type) {
	case *selectStmt:
		return a.selectBlockIn(v, sc, nil, ctx, nil)
	case *insertStmt:
		return a.insert(v, sc, ctx)
	case *updateStmt:
		return a.update(v, sc, ctx)
	case *deleteStmt:
		return a.remove(v, sc, ctx)
	case *mergeStmt:
		return a.merge1(v, sc, ctx)
	}
	a.markSeen(n)
	a.report(ruleStatement, 0, fmt.Sprintf("a statement of kind %s cannot be proved to stay within a tenant (run it as an operator, not from the application)", kindName(n)))
	return &block{open: true, f: noToken, outer: ctx, ctx: ctx, subs: map[*subLink]*block{}}
}

// target builds the table that a statement changes.
func (a *analysis) target(v *rangeVar, b *block, write string) (fromItem, *relation) {
	a.seen[v] = true
	t := a.lookupTable(v)
	var r *relation
	switch {
	case t == nil:
		r = a.openRelation(&alias{Aliasname: aliasOf(v)})
	case t.isView():
		r = a.viewRelation(t, v)
		if t.kind == relMatview {
			a.report(ruleNotUnderstood, v.GetLocation(), fmt.Sprintf("materialized view %s cannot be changed", t))
		}
		for _, o := range a.occs {
			if o.via != "" && o.at == a.offset(v.GetLocation()) {
				o.write = write
			}
		}
	default:
		r = a.tableRelation(t, aliasOf(v))
		if v.GetAlias() == nil {
			r.schema = v.GetSchemaname()
		}
		a.occur(t, r, v, b, write)
	}
	if t != nil && t.rules {
		a.report(ruleNotUnderstood, v.GetLocation(), fmt.Sprintf("%s has rewrite rules or INSTEAD OF triggers, which change what the statement does (write to the tables behind it)", t))
	}
	return leafItem(r), r
}

// occur notes a mention of a tenant table.
func (a *analysis) occur(t *Table, r *relation, v *rangeVar, b *block, write string) {
	tt := a.tenancy.of(t)
	if tt == nil {
		return
	}
	o := &occurrence{table: t, alias: r.name, at: a.offset(v.GetLocation()), rel: r, block: b, write: write, key: tt.key, start: []token{r.leaf, b.f}}
	if len(a.viaView) > 0 {
		o.at, o.via = a.viaAt, a.viaView[0].String()
	}
	for _, c := range tt.columns {
		n := noNode
		if c != "" {
			n = a.tenantNode(t, r, c)
		}
		o.levels = append(o.levels, n)
	}
	a.occs = append(a.occs, o)
}

// tenantNode finds the tenant column even where the alias renames it.
func (a *analysis) tenantNode(t *Table, r *relation, column string) nodeID {
	for i, c := range t.Columns {
		if c.Name == column && i < len(r.cols) {
			if r.cols[i].node == noNode {
				return r.column(a, r.cols[i].name)
			}
			return r.cols[i].node
		}
	}
	return noNode
}

func (a *analysis) update(v *updateStmt, outer *scope, ctx token) *block {
	b := a.newBlock(nil, ctx)
	sc := &scope{parent: outer, ctes: a.with(v.GetWithClause(), outer, ctx)}
	item, r := a.target(v.GetRelation(), b, "update")
	item = crossItem(item, a.fromClause(v.GetFromClause(), sc, b))
	sc.ns, b.ns = item.ns, item.ns
	b.ctx = b.f
	a.walk(v.GetWhereClause(), sc, b)
	facts := a.condition(v.GetWhereClause(), sc, b)
	a.enforce(item, facts, b)
	a.walkAll(v.GetTargetList(), sc, b)
	a.reassign(v.GetTargetList(), r)
	a.returning(v.GetReturningClause(), r, sc, b)
	return b
}

func (a *analysis) remove(v *deleteStmt, outer *scope, ctx token) *block {
	b := a.newBlock(nil, ctx)
	sc := &scope{parent: outer, ctes: a.with(v.GetWithClause(), outer, ctx)}
	item, r := a.target(v.GetRelation(), b, "delete")
	item = crossItem(item, a.fromClause(v.GetUsingClause(), sc, b))
	sc.ns, b.ns = item.ns, item.ns
	b.ctx = b.f
	a.walk(v.GetWhereClause(), sc, b)
	facts := a.condition(v.GetWhereClause(), sc, b)
	a.enforce(item, facts, b)
	a.returning(v.GetReturningClause(), r, sc, b)
	return b
}

// enforce makes facts those of the surviving rows.
func (a *analysis) enforce(item fromItem, facts []*fact, b *block) {
	for _, f := range facts {
		f.guards = append(f.guards, b.f)
	}
	a.push(item.tree, facts, true, b)
	a.activate(facts)
	a.activateTree(item.tree)
}

// reassign reports SET of a tenant column: the row would move to the tenant of
// the value, and the application's role may not do it anyway.
func (a *analysis) reassign(list []*node, r *relation) {
	for _, n := range list {
		t := n.GetResTarget()
		if t == nil || !a.isTenantColumn(r, t.GetName()) {
			continue
		}
		p := a.report(ruleReassign, t.GetLocation(), fmt.Sprintf("SET %s moves the row to another tenant (leave the column out: a row keeps its tenant)", quoteName(t.GetName())))
		p.table = r.name
		if r.table != nil {
			p.table = r.table.String()
		}
	}
}

func (a *analysis) isTenantColumn(r *relation, column string) bool {
	if r.table != nil {
		tt := a.tenancy.of(r.table)
		return tt != nil && slices.Contains(tt.columns, column)
	}
	n := r.column(a, column)
	if n == noNode {
		return false
	}
	s := a.search(n, []token{r.leaf})
	return slices.ContainsFunc(a.occs, func(o *occurrence) bool { return o.via != "" && a.tenantReached(s, o) })
}

// returning builds the outputs of RETURNING. OLD and NEW name the same row.
func (a *analysis) returning(v *returningClause, r *relation, sc *scope, b *block) {
	if v == nil {
		return
	}
	old, now := "old", "new"
	for _, o := range v.GetOptions() {
		opt := o.GetReturningOption()
		if opt.GetOption() == returnOld {
			old = opt.GetValue()
		} else {
			now = opt.GetValue()
		}
	}
	ns := &namespace{rels: slices.Clone(sc.ns.rels), cols: sc.ns.cols, open: sc.ns.open}
	for _, name := range []string{old, now} {
		c := *r
		c.name, c.schema = name, ""
		ns.rels = append(ns.rels, &c)
	}
	rs := &scope{parent: sc.parent, ns: ns, ctes: sc.ctes}
	a.walkAll(v.GetExprs(), rs, b)
	b.outs = a.outputs(v.GetExprs(), rs, b)
}

func (a *analysis) insert(v *insertStmt, outer *scope, ctx token) *block {
	b := a.newBlock(nil, ctx)
	sc := &scope{parent: outer, ctes: a.with(v.GetWithClause(), outer, ctx)}
	rv := v.GetRelation()
	a.seen[rv] = true
	src := a.insertSource(v, sc, ctx)
	t := a.lookupTable(rv)
	if t == nil || t.isView() {
		if t != nil {
			a.report(ruleNotUnderstood, rv.GetLocation(), fmt.Sprintf("INSERT into view %s is not followed to its table (insert into the table)", t))
		}
		a.skipInsert(v, sc, b)
		return b
	}
	if t.rules {
		a.report(ruleNotUnderstood, rv.GetLocation(), fmt.Sprintf("%s has rewrite rules, which change what the statement does (drop them)", t))
	}
	r := a.tableRelation(t, aliasOf(rv))
	cols := names(nil)
	for _, c := range v.GetCols() {
		cols = append(cols, c.GetResTarget().GetName())
	}
	if len(v.GetCols()) == 0 {
		for _, c := range t.Columns {
			cols = append(cols, c.Name)
		}
	}
	a.addInsertion(t, rv, cols, src, func(i int) bool { return freshValues(v.GetSelectStmt().GetSelectStmt(), i) })
	held := a.conflict(v.GetOnConflictClause(), t, rv, cols, v.GetOnConflictClause() != nil)
	a.written(r, cols, src, held)
	if src.rows {
		a.imply(r.leaf, src.f)
	}
	a.imply(b.f, r.leaf)
	sc.ns, b.ns = nsOf(r), nsOf(r)
	b.ctx = b.f
	a.conflictAction(v.GetOnConflictClause(), t, r, cols, src, sc, b)
	a.returning(v.GetReturningClause(), r, sc, b)
	return b
}

func (a *analysis) insertSource(v *insertStmt, sc *scope, ctx token) *block {
	q, ok := unwrap(v.GetSelectStmt()).(*selectStmt)
	if !ok {
		return &block{f: noToken, outer: ctx, subs: map[*subLink]*block{}}
	}
	return a.selectBlockIn(q, &scope{parent: sc.parent, ctes: sc.ctes}, nil, ctx, nil)
}

// skipInsert visits the rest of an INSERT whose table is not known.
func (a *analysis) skipInsert(v *insertStmt, sc *scope, b *block) {
	sc.ns = &namespace{open: true}
	b.open = true
	if c := v.GetOnConflictClause(); c != nil {
		a.walkAll(c.GetTargetList(), sc, b)
		a.walk(c.GetWhereClause(), sc, b)
	}
	a.walkAll(v.GetReturningClause().GetExprs(), sc, b)
}

// written links the columns of the target to what was written there. After DO
// UPDATE only the columns of the conflict target are known to be equal.
func (a *analysis) written(r *relation, cols []string, src *block, held []string) {
	for i, c := range cols {
		if i >= len(src.outs) || held != nil && !slices.Contains(held, c) {
			continue
		}
		a.link(r.column(a, c), src.outs[i].node, nil)
	}
}

// freshValues reports whether every row of a VALUES list gives its i-th column
// a new value that no row has, or the default.
func freshValues(q *selectStmt, i int) bool {
	for _, row := range q.GetValuesLists() {
		items := row.GetList().GetItems()
		if i >= len(items) {
			return false
		}
		if _, ok := unwrap(items[i]).(*setToDefault); !ok && defaultFill(items[i]) != fillFresh {
			return false
		}
	}
	return len(q.GetValuesLists()) > 0
}

// addInsertion notes the rows a statement writes into a tenant table. fresh
// reports whether the column at a position gets new values only: then a row of
// the tenants' table is a new tenant, which nobody else is.
func (a *analysis) addInsertion(t *Table, rv *rangeVar, cols []string, src *block, fresh func(int) bool) {
	tt := a.tenancy.of(t)
	if tt == nil {
		return
	}
	ins := &insertion{table: t, at: a.offset(rv.GetLocation())}
	for _, c := range tt.columns {
		value := arm{noNode, src.start()}
		missing := false
		free := c == ""
		if c != "" {
			i := slices.Index(cols, c)
			switch {
			case i >= 0 && i < len(src.outs):
				value.node = src.outs[i].node
				free = tt.key && fresh(i)
			default:
				missing = true
				col := t.Column(c)
				free = tt.key && col != nil && col.fills != fillNull
			}
		}
		ins.levels = append(ins.levels, value)
		ins.missing = append(ins.missing, missing)
		ins.free = append(ins.free, free)
	}
	a.inserts = append(a.inserts, ins)
}
