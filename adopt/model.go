package adopt

import (
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// What a table is to tenants.
type class int

const (
	unsettled class = iota
	root            // the table of tenants
	tenant          // each row belongs to one tenant
	shared          // for every tenant to read
	closed          // not for the application
)

// A table is a table of the schema and what becomes of it. Partitions are no
// tables of their own.
type table struct {
	*catalog.Relation
	class  class
	column string // the tenant column that it has in the end
	added  bool   // the plan adds the column
	ways   []way  // how its rows get their tenant, the surest first
	from   string // or an expression for the tenant's key
	open   bool   // there are two ways, and nobody has chosen one yet
	parts  []*catalog.Relation

	references []*reference
	keys       []*key
}

// A way leads from a row to the row that has its tenant.
type way struct {
	cols, refCols []string
	to            *table
	constraint    *catalog.Constraint // nil for a column that is only named like the tenant's
	notNull       bool
}

// A model is the schema as the plan sees it.
type model struct {
	cat     *catalog.Catalog
	root    *table
	key     *catalog.Column // the key of the table of tenants
	native  bool            // it is a uuid: tenants keep it
	named   string          // the tenant column's usual name
	tables  []*table
	byOID   map[catalog.OID]*table
	roles   []string // that use the tables now
	views   map[catalog.OID][]catalog.OID
	bound   map[catalog.OID][]catalog.OID // by constraint: views that depend on it
	unowned map[catalog.OID][]string      // sequences, by table
	replica map[catalog.OID]catalog.OID   // the index that identifies rows to subscribers, by table
	whole   map[catalog.OID]catalog.OID   // the index that an index of a partition is a part of
	order   []*table                      // tenant tables, those first that others get their tenant from

	decisions Decisions
	used      map[string]bool // decisions that something asked for
	questions []Question
	notices   []Notice
	assumed   []string
}

// ours says whether a schema is Watertight's.
func ours(schema string) bool { return schema == "watertight" || schema == "watertight_adopt" }

// collect makes the tables of the model: all that are not an extension's, not
// Watertight's and not a partition.
func (m *model) collect() {
	m.byOID = map[catalog.OID]*table{}
	for _, r := range m.cat.Relations {
		if !r.IsTable() || r.Extension || ours(r.Schema) || r.Partition {
			continue
		}
		t := &table{Relation: r}
		m.tables = append(m.tables, t)
		m.byOID[r.OID] = t
	}
	for _, r := range m.cat.Relations {
		if r.Partition && r.IsTable() {
			for _, p := range m.cat.Ancestors(r) {
				if t := m.byOID[p.OID]; t != nil {
					t.parts = append(t.parts, r)
				}
			}
		}
	}
}

// at returns the table with a name as questions show it.
func (m *model) at(name string) *table {
	i := slices.IndexFunc(m.tables, func(t *table) bool { return t.Name() == name })
	if i < 0 {
		return nil
	}
	return m.tables[i]
}

func (t *table) owned() bool { return t.class == root || t.class == tenant }

// names are the names of columns, by number.
func names(r *catalog.Relation, nums []int16) []string {
	out := make([]string, len(nums))
	for i, n := range nums {
		if c := r.Column(n); c != nil {
			out[i] = c.Name
		}
	}
	return out
}

// list quotes names for SQL.
func list(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = catalog.Quote(c)
	}
	return strings.Join(quoted, ", ")
}

// literal quotes a text for SQL.
func literal(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "e" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// dollar quotes a longer text for SQL.
func dollar(s string) string {
	tag := "$$"
	for strings.Contains(s, tag) || strings.HasSuffix(s, "$") {
		tag = "$" + strings.Repeat("q", len(tag)-1) + "$"
		if !strings.Contains(s, tag) {
			break
		}
	}
	return tag + s + tag
}

// tenantOf is an expression for the tenant of the row that an alias stands for:
// the value of the tenant column that the plan adds.
func (m *model) tenantOf(t *table, alias string) string {
	switch {
	case t.class == root:
		return "gen_random_uuid()"
	case t.from != "":
		return "(select r." + catalog.Quote(m.root.column) + " from " + m.root.Name() + " r where r." + catalog.Quote(m.key.Name) + " = (" + t.from + "))"
	}
	parts := make([]string, len(t.ways))
	for i, w := range t.ways {
		parts[i] = "(select p." + catalog.Quote(w.to.column) + " from " + w.to.Name() + " p where " + w.joined(alias, "p") + ")"
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "coalesce(" + strings.Join(parts, ", ") + ")"
}

// joined compares the columns of a way.
func (w way) joined(child, parent string) string {
	parts := make([]string, len(w.cols))
	for i := range w.cols {
		parts[i] = parent + "." + catalog.Quote(w.refCols[i]) + " = " + child + "." + catalog.Quote(w.cols[i])
	}
	return strings.Join(parts, " and ")
}

// keyOf is an expression for the key of the tenant, by columns that exist now.
func (m *model) keyOf(t *table, alias string) string {
	switch {
	case t.class == root:
		return alias + "." + catalog.Quote(m.key.Name)
	case t.from != "":
		// The expression calls the row t.
		return "(select " + t.from + " from (select " + alias + ".*) t)"
	}
	inner := alias + "p"
	parts := make([]string, len(t.ways))
	for i, w := range t.ways {
		if w.to.class == root && slices.Equal(w.refCols, []string{m.key.Name}) && w.sure() {
			parts[i] = alias + "." + catalog.Quote(w.cols[0])
			continue
		}
		parts[i] = "(select " + m.keyOf(w.to, inner) + " from " + w.to.Name() + " " + inner + " where " + w.joined(alias, inner) + ")"
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "coalesce(" + strings.Join(parts, ", ") + ")"
}

// sure says whether a foreign key has made certain that the parent exists.
func (w way) sure() bool { return w.constraint != nil && w.constraint.Validated }

// sources are the columns that the tenant of a row depends on.
func (t *table) sources() []string {
	var out []string
	for _, w := range t.ways {
		for _, c := range w.cols {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}
