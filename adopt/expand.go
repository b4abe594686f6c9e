package adopt

import (
	"slices"

	"github.com/watertight-go/watertight/internal/catalog"
)

func (m *model) keysStep() *Step {
	s := &Step{
		Name: "keys", Title: "Build the keys with the tenant in front",
		Why: "CREATE INDEX CONCURRENTLY: readers and writers go on. The old keys stay for now.",
	}
	if m.root.added {
		name := fit(m.root.RelName, m.root.column+"_key")
		s.build(m.root.Relation, name, "btree ("+catalog.Quote(m.root.column)+")")
	}
	for _, t := range m.order {
		for _, k := range t.keys {
			m.buildKey(s, k)
		}
	}
	return s
}

// build makes an index without stopping anybody.
func (s *Step) build(on *catalog.Relation, name, rest string) {
	s.up("create unique index concurrently %s on %s using %s", catalog.Quote(name), on.Name(), rest)
	s.down("drop index concurrently if exists %s", qualified(on, name))
}

func qualified(on *catalog.Relation, name string) string {
	return catalog.Quote(on.Schema) + "." + catalog.Quote(name)
}

func (m *model) buildKey(s *Step, k *key) {
	if !k.partitioned() {
		s.build(k.on, k.new, k.newRest)
		return
	}
	// The parts of a constraint become constraints themselves, later.
	if k.constraint != nil {
		for _, p := range k.parts {
			s.build(p.on, p.new, k.newRest)
		}
	}
	switch {
	case k.constraint == nil:
		s.buildPartitioned(k, k.new, func(p partKey) string { return p.new })
	case m.referred(k):
		s.buildPartitioned(k, fit(k.old, "wt_ref"), func(p partKey) string { return p.reference })
	}
}

// referred says whether a foreign key between tenant tables uses the key.
func (m *model) referred(k *key) bool {
	return slices.ContainsFunc(m.order, func(t *table) bool {
		return slices.ContainsFunc(t.references, func(r *reference) bool {
			return r.constraint != nil && r.newDef != "" && r.constraint.Index == k.index.OID
		})
	})
}

// buildPartitioned makes an index of a partitioned table part by part.
func (s *Step) buildPartitioned(k *key, name string, part func(partKey) string) {
	s.up("create unique index %s on only %s using %s", catalog.Quote(name), k.on.Name(), k.newRest)
	s.down("drop index if exists %s", qualified(k.on, name))
	for _, p := range k.parts {
		s.up("create unique index concurrently %s on %s using %s", catalog.Quote(part(p)), p.on.Name(), k.newRest)
		s.up("alter index %s attach partition %s", qualified(k.on, name), qualified(p.on, part(p)))
		// One that was not attached yet does not go with the whole.
		s.down("drop index if exists %s", qualified(p.on, part(p)))
	}
}

func (m *model) referencesStep() *Step {
	s := &Step{
		Name: "references", Title: "Make foreign keys that carry the tenant",
		Why: "Each is added NOT VALID, which holds from then on and reads no row, and validated afterwards,\n" +
			"while readers and writers go on. The old ones stay for now.",
	}
	for _, t := range m.order {
		for _, r := range t.references {
			if r.newDef != "" {
				s.addReference(r)
				s.dropReference(r)
			}
		}
	}
	return s
}

func (s *Step) addReference(r *reference) {
	s.Up = append(s.Up, addForeignKey(r.from, r.new, r.newDef, true)...)
}

func (s *Step) dropReference(r *reference) {
	for _, p := range r.from.parts {
		s.down("alter table %s drop constraint if exists %s", r.from.Name(), catalog.Quote(r.new))
		s.down("alter table %s drop constraint if exists %s", p.Name(), catalog.Quote(r.new))
	}
	if len(r.from.parts) == 0 {
		s.down("alter table %s drop constraint if exists %s", r.from.Name(), catalog.Quote(r.new))
	}
}

// addForeignKey lists the statements that add a foreign key without reading
// rows while somebody waits.
func addForeignKey(t *table, name, def string, validate bool) []string {
	quoted := catalog.Quote(name)
	var out []string
	on := []*catalog.Relation{t.Relation}
	if t.Kind == catalog.PartitionedTable {
		on = t.parts // a partitioned table takes over what its partitions have
	}
	for _, r := range on {
		out = append(out, "alter table "+r.Name()+" add constraint "+quoted+" "+def+" not valid")
		if validate {
			out = append(out, "alter table "+r.Name()+" validate constraint "+quoted)
		}
	}
	if t.Kind == catalog.PartitionedTable {
		out = append(out, "alter table "+t.Name()+" add constraint "+quoted+" "+def)
	}
	return out
}

func (m *model) openStep(installed bool) *Step {
	s := &Step{
		Name: "open", Title: "Let the new version in",
		Why: "The tenants are registered, and watertight_app gets what the new version needs. From here on\n" +
			"both versions work side by side. Row-level security is not on yet: the new version stays with\n" +
			"its tenant by its clauses, the old one as well as it did before.",
	}
	m.registerTenants(s)
	for _, schema := range m.schemas() {
		s.up("grant usage on schema %s to watertight_app, watertight_system", catalog.Quote(schema))
	}
	for _, t := range m.tables {
		switch t.class {
		case root, tenant:
			s.up("select watertight_adopt.open_table(%d, %s)", openNumber, literal(t.Name()))
			for _, seq := range m.unowned[t.OID] {
				s.up("select watertight_adopt.save_table(%d, %s)", openNumber, literal(seq))
				s.up("grant usage on sequence %s to watertight_app, watertight_system", seq)
			}
		case shared:
			s.up("select watertight_adopt.save_table(%d, %s)", openNumber, literal(t.Name()))
			s.up("grant select on table %s to watertight_app, watertight_system", t.Name())
		case closed:
			s.up("select watertight_adopt.save_table(%d, %s)", openNumber, literal(t.Name()))
			s.up("revoke all on table %s from public", t.Name())
		}
	}
	for _, v := range m.tenantViews() {
		s.up("select watertight_adopt.save_table(%d, %s)", openNumber, literal(v.Name()))
		if v.Kind == catalog.MaterializedView {
			s.up("revoke all on table %s from public", v.Name())
			m.tell(v.Name(), "%s is a materialized view: it holds rows of all tenants without policies, and is closed to the application", v.Name())
			continue
		}
		s.up("grant select on table %s to watertight_app, watertight_system", v.Name())
	}
	for _, f := range m.pathless() {
		s.up("alter routine %s set search_path = %s", f.Name(), m.path())
		s.down("alter routine %s reset search_path", f.Name())
	}
	s.down("select watertight_adopt.restore(%d)", openNumber)
	for _, schema := range m.schemas() {
		s.down("revoke usage on schema %s from watertight_app, watertight_system", catalog.Quote(schema))
	}
	if !installed {
		s.down("delete from watertight.tenants t using %s r where r.%s = t.id", m.root.Name(), catalog.Quote(m.root.column))
	}
	return s
}

// registerTenants tells Watertight of the tenants that it does not know yet.
func (m *model) registerTenants(s *Step) {
	s.up("insert into watertight.tenants (id, name)\n"+
		"select r.%[1]s, coalesce(nullif(left(%[2]s, 200), ''), r.%[1]s::text) from %[3]s r\n"+
		"where not exists (select from watertight.tenants t where t.id = r.%[1]s)",
		catalog.Quote(m.root.column), m.tenantName(), m.root.Name())
}

// tenantName is an expression for what a tenant is called: only people read it.
func (m *model) tenantName() string {
	for _, c := range []string{"name", "title", "display_name", "slug"} {
		if col := m.root.ColumnNamed(c); col != nil && (col.BaseType == "text" || col.BaseType == "character varying") {
			return "r." + catalog.Quote(c) + "::text"
		}
	}
	return "r." + catalog.Quote(m.key.Name) + "::text"
}

// tenantViews are the views that read a table of the plan, through whatever
// other views.
func (m *model) tenantViews() []*catalog.Relation {
	reads := map[catalog.OID]bool{}
	for _, t := range m.tables {
		if t.class == root || t.class == tenant || t.class == shared {
			reads[t.OID] = true
			for _, p := range t.parts {
				reads[p.OID] = true
			}
		}
	}
	for again := true; again; {
		again = false
		for v, sources := range m.views {
			if !reads[v] && slices.ContainsFunc(sources, func(o catalog.OID) bool { return reads[o] }) {
				reads[v], again = true, true
			}
		}
	}
	var out []*catalog.Relation
	for _, r := range m.cat.Relations {
		if reads[r.OID] && (r.Kind == catalog.View || r.Kind == catalog.MaterializedView) && !r.Extension && !ours(r.Schema) {
			out = append(out, r)
		}
	}
	return out
}

// pathless are functions that find their tables by the caller's search_path,
// which is empty in the new version: trigger functions, and PL/pgSQL.
func (m *model) pathless() []*catalog.Function {
	var out []*catalog.Function
	for _, f := range m.functions() {
		_, set := f.Setting("search_path")
		if !set && f.Tree == "" && (f.Language == "plpgsql" || f.Language == "sql" && (f.Trigger || f.Definer)) {
			out = append(out, f)
		}
	}
	return out
}

// functions are the team's own.
func (m *model) functions() []*catalog.Function {
	var out []*catalog.Function
	for _, f := range m.cat.Functions {
		if !f.Extension && !ours(f.Schema) && !f.Event && (f.Kind == "f" || f.Kind == "p") {
			out = append(out, f)
		}
	}
	return out
}
