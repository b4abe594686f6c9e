package lint

import (
	"fmt"
	"strings"
)

// joinTree mirrors the FROM clause, for the question which conditions hold in
// the rows in which an occurrence is present.
type joinTree struct {
	kind   joinKind
	l, r   *joinTree
	leaf   token // of a leaf
	on     []*fact
	ctx    token // present while the ON condition of a relevant pair is evaluated
	leaves []token
}

type joinKind uint8

const (
	joinLeaf joinKind = iota
	joinEmpty
	joinTypeInner
	joinTypeLeft
	joinTypeRight
	joinTypeFull
)

// fromItem is a joined part of the FROM clause.
type fromItem struct {
	tree *joinTree
	ns   *namespace
}

func leafItem(r *relation) fromItem {
	return fromItem{&joinTree{kind: joinLeaf, leaf: r.leaf, leaves: []token{r.leaf}}, nsOf(r)}
}

func crossItem(l, r fromItem) fromItem {
	if l.tree.kind == joinEmpty {
		return r
	}
	return fromItem{&joinTree{kind: joinTypeInner, l: l.tree, r: r.tree, ctx: noToken, leaves: concatTokens(l.tree.leaves, r.tree.leaves)}, l.ns.plus(r.ns)}
}

func emptyItem() fromItem {
	return fromItem{&joinTree{kind: joinEmpty}, &namespace{}}
}

func concatTokens(x, y []token) []token {
	out := make([]token, 0, len(x)+len(y))
	return append(append(out, x...), y...)
}

// fromClause builds the comma list of a FROM clause. Each item sees the earlier
// ones if it is LATERAL.
func (a *analysis) fromClause(list []*node, sc *scope, b *block) fromItem {
	all := emptyItem()
	for _, n := range list {
		all = crossItem(all, a.fromNode(n, sc, all.ns, b))
	}
	return all
}

// fromNode builds one item. left is what a LATERAL item can see beside the
// levels above.
func (a *analysis) fromNode(n *node, sc *scope, left *namespace, b *block) fromItem {
	lateral := &scope{parent: sc, ns: left, ctes: sc.ctes}
	switch v := unwrap(n).(type) {
	case *rangeVar:
		return a.fromTable(v, sc, b)
	case *rangeSubselect:
		inner := &scope{parent: sc.above(), ctes: sc.ctes}
		if v.GetLateral() {
			inner = &scope{parent: lateral, ctes: sc.ctes}
		}
		q, ok := unwrap(v.GetSubquery()).(*selectStmt)
		if !ok {
			a.report(ruleNotUnderstood, 0, "a FROM item is not a query (not understood)")
			return emptyItem()
		}
		sub := a.subquery(q, inner, b.outer)
		return leafItem(a.blockRelation(sub, v.GetAlias(), ""))
	case *rangeFunction:
		return a.fromFunction(v, lateral, b)
	case *rangeTableSample:
		a.walkAll(v.GetArgs(), sc, b)
		a.walk(v.GetRepeatable(), sc, b)
		return a.fromNode(v.GetRelation(), sc, left, b)
	case *joinExpr:
		return a.fromJoin(v, sc, left, b)
	case *jsonTable:
		a.walkMessage(v, lateral, b)
		return leafItem(a.openRelation(v.GetAlias()))
	case *rangeTableFunc:
		a.walkMessage(v, lateral, b)
		return leafItem(a.openRelation(v.GetAlias()))
	}
	a.report(ruleNotUnderstood, 0, fmt.Sprintf("a FROM item of kind %s is not understood (write it as a table, join or subquery)", kindName(n)))
	return emptyItem()
}

// above returns the scope of the enclosing query: what a subquery in FROM sees
// when it is not LATERAL. sc itself is the scope being built, without names yet.
func (sc *scope) above() *scope { return sc.parent }

// openRelation is a row source whose columns are only partly known.
func (a *analysis) openRelation(al *alias) *relation {
	r := &relation{name: al.GetAliasname(), leaf: a.token(), open: true}
	for _, c := range names(al.GetColnames()) {
		r.addColumn(a.plainColumn(r, c))
	}
	return r
}

func (a *analysis) plainColumn(r *relation, name string) relColumn {
	return relColumn{name: name, node: a.node(term{kind: termColumn, name: r.name + "." + name, leaf: r.leaf})}
}

// fromTable builds a mention of a table, view or common table expression.
func (a *analysis) fromTable(v *rangeVar, sc *scope, b *block) fromItem {
	a.seen[v] = true
	if v.GetSchemaname() == "" {
		if def := sc.ctes.find(v.GetRelname()); def != nil {
			return leafItem(a.cteRelation(def, v, b))
		}
	}
	t := a.lookupTable(v)
	if t == nil {
		return leafItem(a.openRelation(&alias{Aliasname: aliasOf(v), Colnames: v.GetAlias().GetColnames()}))
	}
	if t.isView() {
		return leafItem(a.viewRelation(t, v))
	}
	r := a.tableRelation(t, aliasOf(v))
	if v.GetAlias() == nil {
		r.schema = v.GetSchemaname()
	}
	a.renameColumns(r, v.GetAlias())
	a.occur(t, r, v, b, "")
	return leafItem(r)
}

func aliasOf(v *rangeVar) string {
	if n := v.GetAlias().GetAliasname(); n != "" {
		return n
	}
	return v.GetRelname()
}

// renameColumns applies the column list of "t AS x (a, b)".
func (a *analysis) renameColumns(r *relation, al *alias) {
	cols := names(al.GetColnames())
	if len(cols) == 0 {
		return
	}
	old := r.cols
	r.cols, r.index = nil, nil
	for i, c := range old {
		if r.table != nil && c.node == noNode {
			c.node = a.node(term{kind: termColumn, name: r.name + "." + c.name, typ: c.typ, leaf: r.leaf, notNull: c.nn})
		}
		if i < len(cols) {
			c.name = cols[i]
		}
		r.addColumn(c)
	}
}

// lookupTable finds the table of a mention and reports the ones that cannot be
// judged: unknown names, temporary tables, catalogues that show all tenants.
func (a *analysis) lookupTable(v *rangeVar) *Table {
	schema, name := v.GetSchemaname(), v.GetRelname()
	at := v.GetLocation()
	if v.GetCatalogname() != "" {
		a.report(ruleUnknown, at, fmt.Sprintf("table %s names another database (leave the database out)", name)).broken = true
		return nil
	}
	t := a.schema.lookupIn(a.path, schema, name)
	if t == nil && len(a.viaView) > 0 {
		t = a.schema.renamed(schema, name)
	}
	if t != nil {
		return t
	}
	switch {
	case isCatalog(schema, name):
		if name == "pg_class" {
			a.classAt = at
		}
		if !harmlessCatalog(schema, name) {
			a.report(ruleCatalog, at, fmt.Sprintf("%s shows data or statistics of all tenants (read it outside of the application)", name)).object = name
		}
	case strings.HasSuffix(name, "_seq"):
		a.report(ruleCatalog, at, fmt.Sprintf("sequence %s tells how many rows all tenants made (do not read it)", name)).object = name
	case schema == "pg_temp":
		a.report(ruleNotUnderstood, at, fmt.Sprintf("pg_temp.%s is a temporary table, which may hold anything (use a common table expression)", name))
	case a.schema.ambiguous(name) && schema == "":
		a.report(ruleUnknown, at, fmt.Sprintf("table %s exists in more than one schema (write it with its schema)", quoteName(name))).broken = len(a.viaView) == 0
	default:
		full := quoteName(name)
		if schema != "" {
			full = quoteName(schema) + "." + full
		}
		p := a.report(ruleUnknown, at, fmt.Sprintf("table %s is not in the schema (check the name, or add the schema file that creates it)", full))
		p.object, p.broken = full, len(a.viaView) == 0
	}
	return nil
}

// fromFunction builds a function in FROM. Its columns are known when it is one
// of ours or when the alias lists them.
func (a *analysis) fromFunction(v *rangeFunction, lateral *scope, b *block) fromItem {
	r := &relation{name: v.GetAlias().GetAliasname(), leaf: a.token(), open: true}
	for _, n := range v.GetFunctions() {
		items := n.GetList().GetItems()
		if len(items) == 0 {
			continue
		}
		// A subquery in an argument sees what the function sees.
		a.walk(items[0], lateral, b)
		if f, ok := unwrap(items[0]).(*funcCall); ok && r.name == "" {
			r.name = lastName(f.GetFuncname())
		}
	}
	cols := names(v.GetAlias().GetColnames())
	for _, d := range v.GetColdeflist() {
		cols = append(cols, d.GetColumnDef().GetColname())
	}
	if len(cols) == 0 && len(v.GetFunctions()) == 1 {
		cols, r.open = functionColumns(v, r.name)
	}
	if len(v.GetColdeflist()) > 0 {
		r.open = false
	}
	for _, c := range cols {
		r.addColumn(a.plainColumn(r, c))
	}
	return leafItem(r)
}

// functionColumns returns the columns of well-known functions in FROM, and
// whether there may be others.
func functionColumns(v *rangeFunction, name string) ([]string, bool) {
	f, ok := unwrap(v.GetFunctions()[0].GetList().GetItems()[0]).(*funcCall)
	if !ok {
		return []string{name}, true
	}
	var cols []string
	switch lastName(f.GetFuncname()) {
	case "unnest":
		if len(f.GetArgs()) != 1 {
			return nil, true
		}
		cols = []string{name} // of an array of a composite type: unknown
		if v.GetOrdinality() {
			cols = append(cols, "ordinality")
		}
		return cols, true
	case "generate_series", "regexp_split_to_table", "string_to_table", "jsonb_object_keys", "json_object_keys", "generate_subscripts":
		cols = []string{name}
	case "jsonb_array_elements", "json_array_elements", "jsonb_array_elements_text", "json_array_elements_text":
		cols = []string{"value", name}
	case "jsonb_each", "json_each", "jsonb_each_text", "json_each_text":
		cols = []string{"key", "value"}
	default:
		return []string{name}, true
	}
	if v.GetOrdinality() {
		cols = append(cols, "ordinality")
	}
	return cols, false
}
