package lint

import "fmt"

// relation is one entry of a FROM clause: a table occurrence, a subquery, a
// function, or the target of a statement. Its columns become nodes when they
// are first named.
type relation struct {
	name   string // alias, or the table's own name
	schema string // set when the table has no alias, for schema.table.column
	table  *Table
	leaf   token
	cols   []relColumn
	index  map[string]int
	open   bool // has columns that are not known
	extra  map[string]nodeID
}

type relColumn struct {
	name string
	node nodeID
	typ  string
	nn   bool
}

// column returns the node of a column, or noNode. System columns exist on
// tables, too.
func (r *relation) column(a *analysis, name string) nodeID {
	if i, ok := r.index[name]; ok {
		c := &r.cols[i]
		if c.node == noNode && r.table != nil {
			c.node = a.node(term{kind: termColumn, name: r.name + "." + name, typ: c.typ, leaf: r.leaf, notNull: c.nn})
		}
		return c.node
	}
	if r.table != nil && name == "ctid" {
		n, ok := r.extra[name]
		if !ok {
			n = a.node(term{kind: termColumn, name: r.name + ".ctid", typ: "tid", leaf: r.leaf, notNull: true})
			r.extra = map[string]nodeID{name: n}
		}
		return n
	}
	return noNode
}

func (r *relation) has(name string) bool {
	_, ok := r.index[name]
	return ok
}

func (r *relation) addColumn(c relColumn) {
	if r.index == nil {
		r.index = map[string]int{}
	}
	if _, dup := r.index[c.name]; dup {
		// Two columns of one name: neither can be named from outside.
		c.node = noNode
		r.cols[r.index[c.name]].node = noNode
		r.cols = append(r.cols, c)
		return
	}
	r.index[c.name] = len(r.cols)
	r.cols = append(r.cols, c)
}

// tableRelation returns the relation of a table occurrence.
func (a *analysis) tableRelation(t *Table, name string) *relation {
	r := &relation{name: name, table: t, leaf: a.token(), open: t.opaque}
	r.index = make(map[string]int, len(t.Columns))
	r.cols = make([]relColumn, 0, len(t.Columns))
	for _, c := range t.Columns {
		r.addColumn(relColumn{name: c.Name, node: noNode, typ: a.schema.baseType(c.Type), nn: c.NotNull})
	}
	return r
}

// namespace is what names can mean at one level: relations by name, and the
// columns an unqualified name can mean, in the order of SELECT *.
type namespace struct {
	rels []*relation
	cols []nsColumn
	open bool
}

type nsColumn struct {
	name string
	rel  *relation
	node nodeID // of a merged column; else of the relation, on demand
	// merged marks a column of USING or NATURAL, which stands for two.
	merged bool
}

func (c nsColumn) resolve(a *analysis) nodeID {
	if c.merged || c.rel == nil {
		return c.node
	}
	return c.rel.column(a, c.name)
}

func nsOf(r *relation) *namespace {
	ns := &namespace{rels: []*relation{r}, open: r.open}
	for _, c := range r.cols {
		ns.cols = append(ns.cols, nsColumn{name: c.name, rel: r, node: c.node, merged: r.table == nil})
	}
	return ns
}

// plus returns the namespace of a cross join.
func (n *namespace) plus(m *namespace) *namespace {
	out := &namespace{open: n.open || m.open}
	out.rels = append(append(out.rels, n.rels...), m.rels...)
	out.cols = append(append(out.cols, n.cols...), m.cols...)
	return out
}

// scope is the chain of levels that a column name is looked up in.
type scope struct {
	parent *scope
	ns     *namespace
	ctes   *cteEnv
}

// cteEnv is a linked list of common table expressions, innermost first.
type cteEnv struct {
	def  *cteDef
	next *cteEnv
}

type cteDef struct {
	cte       *commonTableExpr
	env       *cteEnv // what its own body sees
	scope     *scope
	ctx       token
	recursive bool
	rec       *recursion // while its body is being built
	dml       *block     // of a data-modifying expression, built once
	expanding bool
	used      bool
}

func (e *cteEnv) find(name string) *cteDef {
	for ; e != nil; e = e.next {
		if e.def.cte.GetCtename() == name {
			return e.def
		}
	}
	return nil
}

type lookupStatus uint8

const (
	lookupFound lookupStatus = iota
	lookupMissing
	lookupAmbiguous
	lookupUnknown // a relation with unknown columns may have it
)

// lookupColumn resolves an unqualified column.
func (sc *scope) lookupColumn(a *analysis, name string) (nodeID, lookupStatus) {
	for ; sc != nil; sc = sc.parent {
		if sc.ns == nil {
			continue
		}
		found, n := -1, 0
		for i := range sc.ns.cols {
			if sc.ns.cols[i].name == name {
				found = i
				n++
			}
		}
		switch {
		case n == 1:
			return sc.ns.cols[found].resolve(a), lookupFound
		case n > 1:
			return noNode, lookupAmbiguous
		case sc.ns.open:
			return noNode, lookupUnknown
		}
		if r := sc.onlyTable(); r != nil && name == "ctid" {
			return r.column(a, name), lookupFound
		}
	}
	return noNode, lookupMissing
}

func (sc *scope) onlyTable() *relation {
	if len(sc.ns.rels) == 1 && sc.ns.rels[0].table != nil {
		return sc.ns.rels[0]
	}
	return nil
}

// lookupRelation finds a relation by its name in the nearest level that has it.
func (sc *scope) lookupRelation(schema, name string) *relation {
	for ; sc != nil; sc = sc.parent {
		if sc.ns == nil {
			continue
		}
		for _, r := range sc.ns.rels {
			if r.name == name && (schema == "" || r.schema == schema) {
				return r
			}
		}
	}
	return nil
}

// column resolves a column reference to a node. A reference that cannot be
// resolved is reported: the verdict would rest on a guess.
func (a *analysis) column(c *columnRef, sc *scope) nodeID {
	fields := c.GetFields()
	parts := make([]string, 0, len(fields))
	for _, f := range fields {
		s := f.GetString_()
		if s == nil {
			return noNode // a star
		}
		parts = append(parts, s.GetSval())
	}
	switch len(parts) {
	case 1:
		n, status := sc.lookupColumn(a, parts[0])
		switch status {
		case lookupFound:
			return n
		case lookupMissing:
			if sc.lookupRelation("", parts[0]) == nil && !systemColumn(parts[0]) {
				a.unknownColumn(c, parts[0])
			}
		case lookupAmbiguous:
			if a.tenancy.names(parts[0]) {
				a.report(ruleUnknown, c.GetLocation(), fmt.Sprintf("column %s is ambiguous: more than one table here has it (write it with the table's alias)", quoteName(parts[0])))
			}
		}
		return noNode
	case 2, 3, 4:
		name := parts[len(parts)-1]
		schema := ""
		if len(parts) > 2 {
			schema = parts[len(parts)-3]
		}
		r := sc.lookupRelation(schema, parts[len(parts)-2])
		if r == nil {
			// (composite).field and nextval-like names are not written this
			// way; what is left is a mistake, or a composite column.
			if n, status := sc.lookupColumn(a, parts[0]); n != noNode || status == lookupUnknown {
				return noNode
			}
			a.report(ruleUnknown, c.GetLocation(), fmt.Sprintf("nothing here is called %s (check the alias)", quoteName(parts[len(parts)-2])))
			return noNode
		}
		if !r.has(name) && !r.open && !systemColumn(name) {
			a.unknownColumn(c, parts[len(parts)-2]+"."+name)
			return noNode
		}
		return r.column(a, name)
	}
	return noNode
}

// unknownColumn reports a tenant column that is not where the query expects it:
// the schema may lack a migration, and a table count as shared by mistake. Any
// other unknown column is Postgres's to refuse; no proof rests on it.
func (a *analysis) unknownColumn(c *columnRef, name string) {
	if !a.tenancy.names(lastName(c.GetFields())) {
		return
	}
	a.report(ruleUnknown, c.GetLocation(), fmt.Sprintf("column %s is not known (check the name, or add the schema file that creates it)", name))
}

func systemColumn(name string) bool {
	switch name {
	case "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid":
		return true
	}
	return false
}
