package lint

import (
	"slices"
	"strings"
)

// tenancy says which tables belong to tenants, and by which columns.
type tenancy struct {
	levels []Level
	tables map[*Table]*tenantTable
	types  map[string]bool
	// functions are names the user vouches for.
	functions []string
}

// Level is one level of tenancy: the column names that carry it. Most
// applications have one level with one name.
type Level struct {
	// Name is for messages, such as "organization". Defaults to the first
	// column.
	Name string
	// Columns are the names under which tables carry the level. A table that
	// has more than one is pinned by the first.
	Columns []string
	// Table is the table of the tenants themselves, pinned by its key.
	// Defaults to the table that the columns refer to.
	Table string
}

// tenantTable is what the analysis knows of a table that belongs to tenants.
type tenantTable struct {
	columns []string // per level; "" when the table does not have the level
	key     bool     // the table of the tenants themselves
}

func newTenancy(s *Schema, levels []Level) *tenancy {
	t := &tenancy{levels: levels, tables: map[*Table]*tenantTable{}, types: map[string]bool{}}
	for _, tab := range s.Tables() {
		for i, l := range levels {
			if c := l.columnOf(tab); c != "" {
				t.entry(tab).columns[i] = c
				t.types[tab.Column(c).Type] = true
			}
		}
	}
	for i, l := range levels {
		for _, tab := range t.keyTables(s, i, l) {
			if e := t.entry(tab.table); e.columns[i] == "" {
				e.columns[i], e.key = tab.column, true
			}
		}
	}
	return t
}

func (t *tenancy) entry(tab *Table) *tenantTable {
	e := t.tables[tab]
	if e == nil {
		e = &tenantTable{columns: make([]string, len(t.levels))}
		t.tables[tab] = e
	}
	return e
}

// of returns what is known of a table, nil when it is shared by all tenants.
func (t *tenancy) of(tab *Table) *tenantTable {
	if t == nil {
		return nil
	}
	return t.tables[tab]
}

// owned counts the tables that carry a tenant column.
func (t *tenancy) owned() int {
	n := 0
	for _, e := range t.tables {
		if !e.key {
			n++
		}
	}
	return n
}

// names reports whether a column name is that of a tenant column.
func (t *tenancy) names(column string) bool {
	if t == nil {
		return false
	}
	return slices.ContainsFunc(t.levels, func(l Level) bool {
		return slices.ContainsFunc(l.Columns, func(c string) bool { return strings.EqualFold(c, column) })
	})
}

func (t *tenancy) isTenantType(typ string) bool {
	return t != nil && typ != "" && t.types[typ] && !strings.HasSuffix(typ, "(n)") && typ != "bpchar" && typ != "char"
}

// columnOf returns the level's column of a table. A name is compared as it is
// and as Postgres folds it, so that both tenantId and "tenantId" are found.
func (l Level) columnOf(tab *Table) string {
	if tab.isView() {
		return "" // a view is judged by the tables in it
	}
	for _, c := range l.Columns {
		for _, name := range []string{c, strings.ToLower(c)} {
			if tab.Column(name) != nil {
				return name
			}
		}
	}
	return ""
}

type keyTable struct {
	table  *Table
	column string
}

// keyTables finds the table of the tenants themselves: the one that tenant
// columns refer to, or else the one whose name goes with the column's.
func (t *tenancy) keyTables(s *Schema, level int, l Level) []keyTable {
	if l.Table != "" {
		schema, name, ok := strings.Cut(l.Table, ".")
		if !ok {
			schema, name = "", l.Table
		}
		if tab := s.lookup(schema, name); tab != nil && len(tab.primaryKey()) == 1 {
			return []keyTable{{tab, tab.primaryKey()[0]}}
		}
		return nil
	}
	var out []keyTable
	for tab, e := range t.tables {
		for _, fk := range tab.ForeignKeys {
			if e.columns[level] == "" || !slices.Equal(fk.Columns, []string{e.columns[level]}) {
				continue
			}
			ref := s.lookup(fk.RefSchema, fk.RefTable)
			if ref == nil || l.columnOf(ref) != "" {
				continue
			}
			cols := fk.RefColumns
			if len(cols) == 0 {
				cols = ref.primaryKey()
			}
			if len(cols) == 1 && ref.Column(cols[0]) != nil {
				out = append(out, keyTable{ref, cols[0]})
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	return l.keyTableByName(s)
}

func (l Level) keyTableByName(s *Schema) []keyTable {
	for _, c := range l.Columns {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(c), "_id"), "id")
		base = strings.TrimSuffix(base, "_")
		if base == "" {
			continue
		}
		for _, name := range []string{base + "s", base, base + "es", strings.TrimSuffix(base, "y") + "ies"} {
			tab := s.lookup("", name)
			if tab == nil || tab.isView() || l.columnOf(tab) != "" {
				continue
			}
			if pk := tab.primaryKey(); len(pk) == 1 {
				return []keyTable{{tab, pk[0]}}
			}
		}
	}
	return nil
}
