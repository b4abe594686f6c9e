package adopt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A key is a unique index that does not contain the tenant, and the one that
// takes its place.
type key struct {
	on         *catalog.Relation // the table, or a partition with a key of its own
	table      *table
	index      *catalog.Index
	constraint *catalog.Constraint // nil for an index that is none
	columns    []string            // of a constraint, without the tenant
	old, new   string              // names of the indexes while both exist
	oldRest    string              // what follows USING in the index's definition
	newRest    string
	parts      []partKey // of a partitioned table
}

// A partKey is the part of a partitioned table's key in one partition.
type partKey struct {
	on        *catalog.Relation
	old, new  string
	room      string // of the old one on the way back, while the new one has its name
	reference string // of a second one, that foreign keys lean on
}

func (k *key) primary() bool { return k.constraint != nil && k.constraint.Type == "p" }

func (k *key) partitioned() bool { return k.on.Kind == catalog.PartitionedTable }

// A reference is a foreign key between tenant tables that does not contain the
// tenant, and the one that takes its place.
type reference struct {
	from, to   *table
	constraint *catalog.Constraint // nil for one that the plan adds where there was none
	old, new   string              // names while both exist; old is empty where there was none
	newDef     string              // empty where it is dropped for good
	anchor     bool                // it refers to the tenant alone
}

// findKeys lists the unique keys that have to change, and what cannot.
func (m *model) findKeys() {
	for _, t := range m.order {
		m.findKeysOf(t, t.Relation)
		for _, p := range t.parts {
			m.findKeysOf(t, p)
		}
		if t.PrimaryKey() == nil {
			m.ask("no-key", t.Name(), 0, "add a primary key to the table", "%s has no primary key", t.Name())
		}
	}
}

func (m *model) findKeysOf(t *table, r *catalog.Relation) {
	taken := map[string]bool{}
	for _, i := range r.Indexes {
		taken[i.Name] = true
	}
	for _, k := range r.Constraints {
		if k.Type == "x" && k.Parent == 0 && r == t.Relation {
			m.findExclusion(t, k)
		}
	}
	for _, i := range r.Indexes {
		if !i.Unique || i.Exclusion || i.Partition || !i.Valid || m.contains(t, r, i) {
			continue
		}
		k := &key{on: r, table: t, index: i, old: i.Name, new: free(taken, i.Name, "wt")}
		for _, c := range r.Constraints {
			if c.Index == i.OID && (c.Type == "p" || c.Type == "u") {
				k.constraint = c
			}
		}
		if err := k.define(t.column); err != nil {
			m.ask("unsupported", t.Name(), 0, "make the index anew as a plain one", "the unique index %s of %s: %v", i.Name, t.Name(), err)
			continue
		}
		if k.partitioned() {
			k.parts = m.partsOf(t, i)
		}
		if m.replica[r.OID] == i.OID {
			m.ask("unsupported", t.Name(), 0, "alter table … replica identity default", "the index %s is the replica identity of %s", i.Name, t.Name())
		}
		t.keys = append(t.keys, k)
		if !k.primary() && r == t.Relation {
			m.tell(t.Name(), "%s is unique within a tenant from then on, not over all of them (index %s)", k.shown(), i.Name)
		}
	}
}

// partsOf are the indexes of the partitions that make up an index.
func (m *model) partsOf(t *table, whole *catalog.Index) []partKey {
	var out []partKey
	for _, p := range t.parts {
		for _, i := range p.Indexes {
			if m.whole[i.OID] == whole.OID {
				out = append(out, partKey{on: p, old: i.Name, new: fit(i.Name, "wt"), room: fit(i.Name, "was"), reference: fit(i.Name, "wt_ref")})
			}
		}
	}
	return out
}

// contains says whether an index has the tenant already, the primary key at
// its front.
func (m *model) contains(t *table, r *catalog.Relation, i *catalog.Index) bool {
	if t.added {
		return false
	}
	at := slices.Index(names(r, i.Columns), t.column)
	if at > 0 && i.Primary {
		m.ask("unsupported", t.Name(), 0, "make the tenant's column the first of the key", "the primary key of %s contains %s, but does not begin with it", t.Name(), t.column)
	}
	return at >= 0
}

func (m *model) findExclusion(t *table, k *catalog.Constraint) {
	if !t.added && slices.Contains(names(t.Relation, k.Columns), t.column) {
		return
	}
	m.ask("unsupported", t.Name(), 0, "add the tenant to it with = by hand (it needs the extension btree_gist), or drop it",
		"the exclusion constraint %s of %s compares rows of all tenants", k.Name, t.Name())
}

// define works out the definitions of both indexes.
func (k *key) define(tenant string) error {
	only := ""
	if k.partitioned() {
		only = "ONLY "
	}
	rest, ok := strings.CutPrefix(k.index.Definition, "CREATE UNIQUE INDEX "+catalog.Quote(k.index.Name)+" ON "+only+k.on.Name()+" USING ")
	if !ok {
		return fmt.Errorf("its definition is not understood")
	}
	method, columns, ok := strings.Cut(rest, " (")
	if !ok || method != "btree" {
		return fmt.Errorf("it is of the kind %s", method)
	}
	k.oldRest = rest
	k.newRest = method + " (" + catalog.Quote(tenant) + ", " + columns
	k.columns = names(k.on, k.index.Columns)
	return nil
}

// shown are the columns of the key, as far as they have names.
func (k *key) shown() string {
	parts := slices.Clone(k.columns)
	for i, c := range parts {
		if c == "" {
			parts[i] = "(expression)"
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// form is a constraint that an index becomes.
func (k *key) form(columns []string) string {
	word := "unique"
	if k.primary() {
		word = "primary key"
	}
	if columns == nil {
		return word
	}
	if k.index.NullsNotDistinct {
		word += " nulls not distinct"
	}
	text := word + " (" + list(columns) + ")"
	if len(k.index.Included) > 0 {
		text += " include (" + list(names(k.on, k.index.Included)) + ")"
	}
	return text
}

// deferral repeats how a constraint is deferred.
func deferral(c *catalog.Constraint) string {
	switch {
	case c.Deferred:
		return " deferrable initially deferred"
	case c.Deferrable:
		return " deferrable"
	}
	return ""
}

// findReferences lists the foreign keys that have to change, and what cannot.
func (m *model) findReferences() {
	for _, t := range m.order {
		taken := map[string]bool{}
		for _, k := range t.Constraints {
			taken[k.Name] = true
		}
		anchored := t.class == root
		for _, k := range t.Constraints {
			p := m.byOID[k.References]
			if k.Type != "f" || k.Parent != 0 || p == nil || !p.owned() {
				continue
			}
			if ref := m.referenceOf(t, p, k, taken); ref != nil {
				t.references = append(t.references, ref)
				anchored = anchored || ref.newDef != "" && !slices.ContainsFunc(k.Columns, func(n int16) bool { return !t.Column(n).NotNull })
			} else {
				anchored = anchored || slices.Contains(names(t.Relation, k.Columns), t.column)
			}
		}
		if t.added && len(t.ways) == 1 && t.ways[0].to == m.root && t.ways[0].constraint == nil {
			t.references = append(t.references, m.missing(t, taken))
			anchored = anchored || t.ways[0].notNull
		}
		if !anchored {
			t.references = append(t.references, m.anchor(t, taken))
		}
		for _, p := range t.parts {
			for _, k := range p.Constraints {
				if k.Type == "f" && k.Parent == 0 && m.byOID[k.References] != nil && m.byOID[k.References].owned() {
					m.ask("unsupported", t.Name(), 0, "put the foreign key on the partitioned table", "the partition %s has the foreign key %s of its own", p.Name(), k.Name)
				}
			}
		}
	}
}

// referenceOf returns what becomes of a foreign key, nil if it can stay.
func (m *model) referenceOf(t, p *table, k *catalog.Constraint, taken map[string]bool) *reference {
	child, parent := names(t.Relation, k.Columns), names(p.Relation, k.ReferencedColumns)
	for i := range child {
		if child[i] == t.column && parent[i] == p.column {
			return nil
		}
	}
	ref := &reference{from: t, to: p, constraint: k, old: k.Name}
	if p.class == root && !(len(t.ways) == 1 && t.ways[0].to == p && slices.Equal(t.ways[0].cols, child)) {
		if t.open {
			return ref
		}
		name := t.Name() + "." + catalog.Quote(k.Name)
		if m.decidedReference(name) == "drop" {
			return ref
		}
		m.ask("second-tenant", name, 0, fmt.Sprintf("references: {%s: drop} keeps the column as a plain value, without a foreign key", yamlKey(name)),
			"%s refers by %s to another tenant than its own", t.Name(), strings.Join(child, ", "))
		return ref
	}
	if p.class == root && m.native {
		return nil // the directory's key is its tenant: the foreign key says nothing about others
	}
	if k.Match == "f" && len(child) > 1 {
		m.ask("unsupported", t.Name(), 0, "make it MATCH SIMPLE", "the foreign key %s of %s is MATCH FULL", k.Name, t.Name())
		return ref
	}
	if strings.ContainsAny(k.OnUpdate, "cnd") {
		m.tell(t.Name(), "an update of a key that %s refers to is refused from then on, and not carried along (foreign key %s)", t.Name(), k.Name)
	}
	ref.new = free(taken, k.Name, "wt")
	ref.newDef = "foreign key (" + list(append([]string{t.column}, child...)) + ") references " + p.Name() +
		" (" + list(append([]string{p.column}, parent...)) + ")" + onDelete(t, k) + deferral(k)
	return ref
}

// onDelete repeats the action, which must never reach the tenant's column.
func onDelete(t *table, k *catalog.Constraint) string {
	columns := k.OnDeleteColumns
	if len(columns) == 0 {
		columns = k.Columns
	}
	switch k.OnDelete {
	case "c":
		return " on delete cascade"
	case "r":
		return " on delete restrict"
	case "n":
		return " on delete set null (" + list(names(t.Relation, columns)) + ")"
	case "d":
		return " on delete set default (" + list(names(t.Relation, columns)) + ")"
	}
	return ""
}

// missing is the foreign key to the table of tenants that a table should have
// had: its column was only named like one. It makes the two columns name one
// tenant always.
func (m *model) missing(t *table, taken map[string]bool) *reference {
	w := t.ways[0]
	return &reference{
		from: t, to: m.root, new: free(taken, t.RelName, w.cols[0]+"_fkey"),
		newDef: "foreign key (" + list(append([]string{t.column}, w.cols...)) + ") references " + m.root.Name() +
			" (" + list(append([]string{m.root.column}, w.refCols...)) + ")",
	}
}

// anchor is the foreign key that ties a table to the tenants where no other
// does in every row.
func (m *model) anchor(t *table, taken map[string]bool) *reference {
	return &reference{
		from: t, to: m.root, new: free(taken, t.RelName, "tenant_fkey"), anchor: true,
		newDef: "foreign key (" + catalog.Quote(t.column) + ") references " + m.root.Name() + " (" + catalog.Quote(m.root.column) + ")",
	}
}

// free returns a name made of base and suffix that is not taken, and takes it.
func free(taken map[string]bool, base, suffix string) string {
	name := fit(base, suffix)
	for n := 2; taken[name]; n++ {
		name = fit(base, fmt.Sprintf("%s%d", suffix, n))
	}
	taken[name] = true
	return name
}

// fit joins a name and a suffix within the 63 bytes of an identifier.
func fit(base, suffix string) string {
	if len(base)+1+len(suffix) <= 63 {
		return base + "_" + suffix
	}
	sum := sha256.Sum256([]byte(base))
	tail := "_" + hex.EncodeToString(sum[:4]) + "_" + suffix
	return strings.ToValidUTF8(base[:63-len(tail)], "") + tail
}
