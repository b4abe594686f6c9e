package adopt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// findRoot finds the table of tenants and its key.
func (m *model) findRoot(cfg Config) error {
	var columns []string
	if cfg.TenantColumn != "" {
		columns = []string{cfg.TenantColumn}
	}
	name := cfg.TenantTable
	if name == "" || cfg.TenantColumn == "" {
		found, err := m.cat.Tenancy(columns)
		switch {
		case err == nil:
			m.named = found.Names[0]
			if name == "" {
				if len(found.Directories) != 1 {
					return errors.New("no one table is that of the tenants (name it by --tenant-table)")
				}
				name = found.Directories[0].Name()
				m.assumed = append(m.assumed, "the table of tenants is "+name)
			}
			if cfg.TenantColumn == "" {
				m.assumed = append(m.assumed, "a column named "+m.named+" says whose a row is")
			}
		case name == "":
			return fmt.Errorf("find the tenants: %w (name their table by --tenant-table, and the column that refers to it by --tenant-column)", err)
		}
	}
	if cfg.TenantColumn != "" {
		m.named = cfg.TenantColumn
	}
	if m.root = m.lookUp(name); m.root == nil {
		return fmt.Errorf("there is no table %s (write it as schema.table, quoted as SQL wants it)", name)
	}
	m.root.class = root
	pk := m.root.PrimaryKey()
	if len(pk) != 1 {
		return fmt.Errorf("the table of tenants %s has no primary key of one column (give it one)", m.root.Name())
	}
	m.key = m.root.Column(pk[0])
	m.native = m.key.Type == "uuid"
	if d, ok := m.decided(m.root); ok {
		return fmt.Errorf("%s is the table of tenants, and the decision on it says otherwise: %+v (take it out of the decisions)", m.root.Name(), d)
	}
	return nil
}

func (m *model) lookUp(name string) *table {
	if t := m.at(name); t != nil {
		return t
	}
	if !strings.Contains(name, ".") {
		return m.at("public." + name)
	}
	return nil
}

// chooseColumn names the column that the plan adds.
func (m *model) chooseColumn() {
	m.root.column, m.root.added = m.key.Name, false
	if m.native {
		return
	}
	taken := func(name string) bool {
		return slices.ContainsFunc(m.tables, func(t *table) bool { return t.ColumnNamed(name) != nil })
	}
	name := "tenant_id"
	for taken(name) {
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_id"), "_uuid") + "_uuid"
		if taken(name) {
			name = "watertight_" + name
		}
	}
	m.root.column, m.root.added = name, true
}

// addedColumn is the name of the column in tables that have none.
func (m *model) addedColumn() string {
	if m.native {
		return m.named
	}
	return m.root.column
}

// settle says of each table whose its rows are, in rounds: a table can get its
// tenant from those that have one already.
func (m *model) settle() {
	for _, t := range m.tables {
		if t.class == unsettled {
			m.settleDecided(t)
		}
	}
	for _, t := range m.tables {
		if t.class == unsettled {
			m.settleDirect(t)
		}
	}
	m.order = []*table{m.root}
	for _, t := range m.tables {
		if t.class == tenant {
			m.order = append(m.order, t)
		}
	}
	// Ways that every row has come first; those that some rows have only when no
	// other table gets further without them.
	for _, optional := range []bool{false, true} {
		for m.settleRound(optional) {
			for m.settleRound(false) {
			}
		}
	}
	for _, t := range m.tables {
		if t.class == unsettled {
			m.ask("no-way", t.Name(), 0, fmt.Sprintf("tables: {%s: shared} if every tenant may read all of it, closed if it is not for the application, or {from: EXPRESSION}", yamlKey(t.Name())),
				"no foreign key leads from %s to %s", t.Name(), m.root.Name())
		}
	}
}

func (m *model) settleRound(optional bool) bool {
	var found, early []*table
	for _, t := range m.tables {
		if t.class != unsettled {
			continue
		}
		ways := m.waysUp(t)
		if i := slices.IndexFunc(ways, func(w way) bool { return w.notNull }); i >= 0 {
			ways = ways[i : i+1]
		} else if !optional {
			ways = nil
		}
		switch {
		case len(ways) == 0:
			continue
		case !ways[0].notNull && m.waits(t):
			early = append(early, t)
		default:
			found = append(found, t)
		}
		t.ways = ways
	}
	// Where tables wait for one another, one of them has to begin.
	if len(found) == 0 && len(early) > 0 {
		found = early[:1]
	}
	for _, t := range found {
		t.class, t.column, t.added = tenant, m.addedColumn(), true
		m.order = append(m.order, t)
	}
	return len(found) > 0
}

// waits says whether a table may get further ways: a row that has none of those
// that are known now may have the one to a table that is settled later.
func (m *model) waits(t *table) bool {
	return slices.ContainsFunc(t.Constraints, func(k *catalog.Constraint) bool {
		p := m.byOID[k.References]
		return k.Type == "f" && p != nil && p != t && p.class == unsettled
	})
}

// waysUp are the foreign keys to tables that have a tenant.
func (m *model) waysUp(t *table) []way {
	var out []way
	for _, k := range t.Constraints {
		if p := m.byOID[k.References]; k.Type == "f" && k.Parent == 0 && p != nil && p != t && p.class == tenant {
			out = append(out, m.wayOf(t, k))
		}
	}
	return out
}

func (m *model) wayOf(t *table, k *catalog.Constraint) way {
	p := m.byOID[k.References]
	w := way{cols: names(t.Relation, k.Columns), refCols: names(p.Relation, k.ReferencedColumns), to: p, constraint: k, notNull: k.Validated}
	for _, n := range k.Columns {
		w.notNull = w.notNull && t.Column(n).NotNull
	}
	return w
}

func (m *model) settleDecided(t *table) {
	d, ok := m.decided(t)
	switch {
	case !ok:
	case d.Kind != "":
		t.class = shared
		if d.Kind == "closed" {
			t.class = closed
		}
	case d.From != "":
		t.class, t.from, t.column, t.added = tenant, d.From, m.addedColumn(), true
	}
}

// settleDirect looks for the columns that refer to the table of tenants itself.
func (m *model) settleDirect(t *table) {
	ways := m.directWays(t)
	if d := m.decisions.Tables[t.Name()]; d.Column != "" {
		ways = slices.DeleteFunc(ways, func(w way) bool { return w.cols[0] != d.Column })
		if len(ways) == 0 && t.ColumnNamed(d.Column) != nil {
			ways = []way{{cols: []string{d.Column}, refCols: []string{m.key.Name}, to: m.root, notNull: t.ColumnNamed(d.Column).NotNull}}
		}
	}
	if len(ways) == 0 {
		return
	}
	if len(ways) > 1 {
		var cols []string
		for _, w := range ways {
			cols = append(cols, w.cols[0])
		}
		m.ask("two-ways", t.Name(), 0, fmt.Sprintf("tables: {%s: {column: %s}} names the one that owns the row", yamlKey(t.Name()), cols[0]),
			"%s refers to %s by %s", t.Name(), m.root.Name(), strings.Join(cols, " and "))
		ways, t.open = ways[:1], true // as if, so that questions about other tables are asked, too
	}
	t.class, t.ways = tenant, ways
	w := ways[0]
	col := t.ColumnNamed(w.cols[0])
	if m.native && col.Type == "uuid" && col.Generated == "" && slices.Equal(w.refCols, []string{m.key.Name}) {
		t.column = col.Name
		return
	}
	t.column, t.added = m.addedColumn(), true
}

// directWays are the foreign keys to the table of tenants, and without one the
// column that has the tenant column's name and the key's type.
func (m *model) directWays(t *table) []way {
	var out []way
	for _, k := range t.Constraints {
		if k.Type == "f" && k.Parent == 0 && k.References == m.root.OID && len(k.Columns) == 1 {
			w := m.wayOf(t, k)
			if !slices.ContainsFunc(out, func(o way) bool { return o.cols[0] == w.cols[0] }) {
				out = append(out, w)
			}
		}
	}
	if col := t.ColumnNamed(m.named); len(out) == 0 && col != nil && comparable(col.BaseType, m.key.BaseType) {
		out = append(out, way{cols: []string{col.Name}, refCols: []string{m.key.Name}, to: m.root, notNull: col.NotNull})
	}
	return out
}

// comparable says whether values of two types are equal in the way that a
// foreign key wants.
func comparable(a, b string) bool {
	family := func(t string) string {
		switch t {
		case "smallint", "integer", "bigint":
			return "int"
		case "character varying", "text":
			return "text"
		}
		return t
	}
	return family(a) == family(b)
}

// yamlKey quotes a name where YAML would read it as something else.
func yamlKey(name string) string {
	if strings.ContainsAny(name, `"':{}[],&*#?|<>=!%@ `+"`") {
		return "'" + strings.ReplaceAll(name, "'", "''") + "'"
	}
	return name
}
