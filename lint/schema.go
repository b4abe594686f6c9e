package lint

import (
	"slices"
	"sort"
	"strings"
)

// Schema is what the migrations leave behind: the tables, views and functions
// that queries can name, with what the analysis must know of each.
type Schema struct {
	schemas    map[string]map[string]*Table
	functions  map[string][]*function // by name without schema
	types      map[string]*Table      // composite types
	enums      map[string]bool
	domains    map[string]string // domain to its base type
	searchPath []string
	// operators holds names of operators that the schema defines itself. A
	// schema with an = of its own can make any equality mean anything.
	operators map[string]bool
	// created numbers the tables in the order of their creation.
	created int
	purity  map[*function]string
	former  map[string]*Table // renamed tables by their former names, for views
}

// Table is a relation: a table, partition, view, materialized view or foreign
// table.
type Table struct {
	Schema, Name string
	Columns      []Column
	Keys         []Key
	ForeignKeys  []ForeignKey

	kind     relKind
	query    *selectStmt // of a view
	path     []string    // search path at the creation of a view
	parents  []*Table    // inheritance and partitioning
	children int
	isPart   bool     // a partition, or a partitioned table
	rules    bool     // has rewrite rules or INSTEAD OF triggers
	opaque   bool     // its columns are not all known
	named    []string // its other constraints
	unsure   bool     // a key of an unknown name was dropped
	order    int
}

type relKind uint8

const (
	relTable relKind = iota
	relView
	relMatview
	relForeign
)

// Column is one column of a table.
type Column struct {
	Name    string
	Type    string // lower-case, without schema pg_catalog; "" when unknown
	NotNull bool
	// fills says what an INSERT that leaves the column out puts there.
	fills fill
}

type fill uint8

const (
	fillNull  fill = iota // no default
	fillFresh             // a new value that no row has: serial, identity, random uuid
	fillOther             // any other default
)

// Key is a primary key, a unique or an exclusion constraint, or a unique index.
type Key struct {
	Name       string
	Columns    []string // "" for an expression
	Primary    bool
	Partial    bool // holds for some rows only
	Deferrable bool
	Exclusion  bool
}

// ForeignKey is a foreign key constraint.
type ForeignKey struct {
	Name       string
	Columns    []string
	RefSchema  string
	RefTable   string
	RefColumns []string // empty means the primary key
}

type function struct {
	schema, name string
	language     string
	body         string
	tree         *node // SQL-standard body
	procedure    bool
}

func newSchema() *Schema {
	return &Schema{
		schemas:    map[string]map[string]*Table{"public": {}},
		functions:  map[string][]*function{},
		types:      map[string]*Table{},
		enums:      map[string]bool{},
		domains:    map[string]string{},
		operators:  map[string]bool{},
		searchPath: []string{"public"},
		former:     map[string]*Table{},
		purity:     map[*function]string{},
	}
}

// Column returns the named column, or nil.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

func (t *Table) isView() bool { return t.kind == relView || t.kind == relMatview }

// String returns the name as a query would write it.
func (t *Table) String() string {
	if t.Schema == "" || t.Schema == "public" {
		return quoteName(t.Name)
	}
	return quoteName(t.Schema) + "." + quoteName(t.Name)
}

// Tables returns all relations, in the order of their creation.
func (s *Schema) Tables() []*Table {
	var all []*Table
	for _, tables := range s.schemas {
		for _, t := range tables {
			all = append(all, t)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].order < all[j].order })
	return all
}

// lookup finds the relation a query means. Without a schema it tries the search
// path, and then takes the only relation of that name there is: which schema a
// connection searches is not in the migrations.
func (s *Schema) lookup(schema, name string) *Table {
	return s.lookupIn(s.searchPath, schema, name)
}

func (s *Schema) lookupIn(path []string, schema, name string) *Table {
	if schema != "" {
		return s.schemas[schema][name]
	}
	for _, p := range path {
		if t := s.schemas[p][name]; t != nil {
			return t
		}
	}
	var found *Table
	for _, tables := range s.schemas {
		if t := tables[name]; t != nil {
			if found != nil {
				return nil
			}
			found = t
		}
	}
	return found
}

// ambiguous reports whether several schemas have a table of the name.
func (s *Schema) ambiguous(name string) bool {
	n := 0
	for _, tables := range s.schemas {
		if tables[name] != nil {
			n++
		}
	}
	return n > 1
}

// renamed finds a table by a name it had when a view was created: a view goes
// on to mean the table, not the name.
func (s *Schema) renamed(schema, name string) *Table {
	if schema == "" {
		schema = "public"
	}
	return s.former[schema+"."+name]
}

func (s *Schema) add(t *Table) {
	if s.schemas[t.Schema] == nil {
		s.schemas[t.Schema] = map[string]*Table{}
	}
	s.created++
	t.order = s.created
	s.schemas[t.Schema][t.Name] = t
}

func (s *Schema) remove(t *Table) {
	if s.schemas[t.Schema][t.Name] == t {
		delete(s.schemas[t.Schema], t.Name)
	}
}

// target is the schema in which an unqualified CREATE puts its object.
func (s *Schema) target(schema string) string {
	if schema != "" {
		return schema
	}
	if len(s.searchPath) > 0 {
		return s.searchPath[0]
	}
	return "public"
}

// baseType resolves domains to the type they stand for.
func (s *Schema) baseType(name string) string {
	for range 8 { // a domain over a domain; no cycle can be created
		base, ok := s.domains[name]
		if !ok {
			return name
		}
		name = base
	}
	return name
}

// primaryKey returns the columns of the primary key, or nil.
func (t *Table) primaryKey() []string {
	for _, k := range t.Keys {
		if k.Primary {
			return k.Columns
		}
	}
	return nil
}

// identifies reports whether the columns of k name one row of the table: not
// so for expressions, for keys that hold for some rows or not yet, and not for
// the parent of an inheritance tree, whose children have rows of their own.
func (t *Table) identifies(k Key) bool {
	return !t.unsure && !k.Partial && !k.Deferrable && !k.Exclusion && !slices.Contains(k.Columns, "") &&
		(t.children == 0 || t.isPart)
}

// quoteName quotes an identifier where Postgres would need it.
func quoteName(s string) string {
	plain := s != ""
	for i, r := range s {
		if r == '_' || r >= 'a' && r <= 'z' || i > 0 && (r >= '0' && r <= '9' || r == '$') {
			continue
		}
		plain = false
	}
	if plain {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
