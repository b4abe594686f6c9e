package adopt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

func (m *model) viewsStep() *Step {
	s := &Step{
		Name: "views", Title: "Let views and functions read as whoever asks", Contract: true,
		Why: "A view reads with the rights of its owner, past the policies of its reader. Definer functions\nbecome what was decided.",
	}
	for _, v := range m.tenantViews() {
		if v.Kind != catalog.View || v.Option("security_invoker") {
			continue
		}
		s.up("alter view %s set (security_invoker = true)", v.Name())
		s.down("alter view %s reset (security_invoker)", v.Name())
	}
	for _, f := range m.functions() {
		if !f.Definer {
			continue
		}
		switch m.decisions.Functions[f.Name()] {
		case "invoker":
			s.up("alter routine %s security invoker", f.Name())
			s.down("alter routine %s security definer", f.Name())
		case "revoke":
			s.up("select watertight_adopt.save_function(%d, %s)", viewsNumber, literal(f.Name()))
			s.up("revoke all on routine %s from public", f.Name())
		}
	}
	s.down("select watertight_adopt.restore(%d)", viewsNumber)
	return s
}

// findFunctions asks about each definer function: nobody but the team knows
// what it is for.
func (m *model) findFunctions() {
	for _, f := range m.functions() {
		if f.Definer && m.decidedFunction(f.Name()) == "" {
			m.ask("definer", f.Name(), 0, fmt.Sprintf("functions: {%s: invoker}, or revoke if the application need not call it, or keep if it stays with its tenant by itself", yamlKey(f.Name())),
				"%s is SECURITY DEFINER: it reads past the policies of whoever calls it", f.Name())
		}
	}
}

// oldKeysStep is the point of no return for the old version.
func (m *model) oldKeysStep() *Step {
	s := &Step{
		Name: "old_keys", Title: "Take the old keys away", Contract: true, Whole: true,
		Why: "Statements that read no row: the new keys are there and take over the names. ON CONFLICT and\n" +
			"GROUP BY that name an old key no longer work. Taking this step back builds the old keys anew,\n" +
			"and never leaves a reference unguarded meanwhile.",
	}
	m.dropOldReferences(s)
	for _, t := range m.order {
		for _, k := range t.keys {
			k.takeOver(s, m)
		}
	}
	for _, t := range m.order {
		for _, r := range t.references {
			if r.old != "" && r.newDef != "" {
				s.up("alter table %s rename constraint %s to %s", t.Name(), catalog.Quote(r.new), catalog.Quote(r.old))
			}
		}
	}
	m.restoreOldKeys(s)
	return s
}

func (m *model) dropOldReferences(s *Step) {
	for _, t := range m.order {
		for _, r := range t.references {
			if r.old != "" {
				s.up("alter table %s drop constraint %s", t.Name(), catalog.Quote(r.old))
			}
		}
	}
}

// takeOver puts the new key in the place of the old one.
func (k *key) takeOver(s *Step, m *model) {
	on, old, new := k.on.Name(), catalog.Quote(k.old), catalog.Quote(k.new)
	switch {
	case k.constraint == nil:
		s.up("drop index %s", qualified(k.on, k.old))
		s.up("alter index %s rename to %s", qualified(k.on, k.new), old)
		for _, p := range k.parts {
			s.up("alter index %s rename to %s", qualified(p.on, p.new), catalog.Quote(p.old))
		}
	case k.partitioned():
		s.Up = append(s.Up, k.swapPartitioned(
			append([]string{k.table.column}, without(k.columns, k.table.column)...), func(p partKey) string { return p.new }))
	default:
		name := catalog.Quote(k.constraint.Name)
		s.up("alter table %s drop constraint %s, add constraint %s %s using index %s%s", on, name, name, k.form(nil), new, deferral(k.constraint))
	}
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}

// swapPartitioned replaces a constraint of a partitioned table by one whose
// parts have their indexes already. It is one transaction: between the two the
// table has no such key.
func (k *key) swapPartitioned(columns []string, index func(partKey) string) string {
	name := catalog.Quote(k.constraint.Name)
	var b strings.Builder
	b.WriteString("do $swap$\nbegin\n")
	fmt.Fprintf(&b, "  alter table %s drop constraint %s;\n", k.on.Name(), name)
	for _, p := range k.parts {
		fmt.Fprintf(&b, "  alter table %s add constraint %s %s using index %s;\n", p.on.Name(), catalog.Quote(p.old), k.form(nil), catalog.Quote(index(p)))
	}
	fmt.Fprintf(&b, "  alter table %s add constraint %s %s%s;\n", k.on.Name(), name, k.form(columns), deferral(k.constraint))
	b.WriteString("end $swap$")
	return b.String()
}

// restoreOldKeys is the way back. References stay guarded all the time: the old
// ones are there before the new ones go, and the other way round.
func (m *model) restoreOldKeys(s *Step) {
	var keys []*key
	var refs []*reference
	for _, t := range m.order {
		keys = append(keys, t.keys...)
		for _, r := range t.references {
			if r.old != "" {
				refs = append(refs, r)
			}
		}
	}
	for _, r := range refs {
		if r.newDef != "" {
			s.down("alter table %s rename constraint %s to %s", r.from.Name(), catalog.Quote(r.old), catalog.Quote(r.new))
		}
	}
	for _, k := range keys {
		k.makeRoom(s)
	}
	for _, k := range keys {
		k.buildOld(s)
	}
	for _, r := range refs {
		def := strings.TrimSuffix(r.constraint.Definition, " NOT VALID")
		s.Down = append(s.Down, addForeignKey(r.from, r.old, def, r.constraint.Validated)...)
	}
	// Those that lean on a key which is about to change its form. An anchor
	// leans on an index that stays, as do those to a partitioned table.
	bound := func(r *reference) bool {
		return r.newDef != "" && !r.anchor && r.to.Kind != catalog.PartitionedTable
	}
	for _, t := range m.order {
		for _, r := range t.references {
			if bound(r) {
				s.down("alter table %s drop constraint %s", t.Name(), catalog.Quote(r.new))
			}
		}
	}
	for _, k := range keys {
		k.giveBack(s)
	}
	for _, t := range m.order {
		for _, r := range t.references {
			if bound(r) {
				s.Down = append(s.Down, addForeignKey(t, r.new, r.newDef, true)...)
			}
		}
	}
}

// makeRoom gives the names of the old keys free.
func (k *key) makeRoom(s *Step) {
	switch {
	case k.constraint == nil:
		s.down("alter index %s rename to %s", qualified(k.on, k.old), catalog.Quote(k.new))
		for _, p := range k.parts {
			s.down("alter index %s rename to %s", qualified(p.on, p.old), catalog.Quote(p.new))
		}
	case !k.partitioned():
		s.down("alter table %s rename constraint %s to %s", k.on.Name(), catalog.Quote(k.constraint.Name), catalog.Quote(k.new))
	}
}

// buildOld builds the old indexes.
func (k *key) buildOld(s *Step) {
	switch {
	case k.partitioned() && k.constraint == nil:
		s.down("create unique index %s on only %s using %s", catalog.Quote(k.old), k.on.Name(), k.oldRest)
		for _, p := range k.parts {
			s.down("create unique index concurrently %s on %s using %s", catalog.Quote(p.old), p.on.Name(), k.oldRest)
			s.down("alter index %s attach partition %s", qualified(k.on, k.old), qualified(p.on, p.old))
		}
	case k.partitioned():
		for _, p := range k.parts {
			s.down("create unique index concurrently %s on %s using %s", catalog.Quote(p.room), p.on.Name(), k.oldRest)
		}
		s.Down = append(s.Down, k.swapPartitioned(k.columns, func(p partKey) string { return p.room }))
		for _, p := range k.parts {
			s.down("create unique index concurrently %s on %s using %s", catalog.Quote(p.new), p.on.Name(), k.newRest)
		}
	default:
		s.down("create unique index concurrently %s on %s using %s", catalog.Quote(k.old), k.on.Name(), k.oldRest)
	}
}

// giveBack makes constraints of the old indexes, and indexes of the new keys.
func (k *key) giveBack(s *Step) {
	if k.constraint == nil || k.partitioned() {
		return
	}
	name := catalog.Quote(k.constraint.Name)
	s.down("alter table %s drop constraint %s, add constraint %s %s using index %s%s", k.on.Name(), catalog.Quote(k.new), name, k.form(nil), catalog.Quote(k.old), deferral(k.constraint))
	s.down("create unique index concurrently %s on %s using %s", catalog.Quote(k.new), k.on.Name(), k.newRest)
}

func (m *model) protectStep() *Step {
	s := &Step{
		Name: "protect", Title: "Protect the tables", Contract: true,
		Why: "Row-level security, policies, grants, the audit log. Tenants that appeared since are registered\n" +
			"under a key that holds already, so none is missed.",
	}
	tenants := m.root
	key := catalog.Quote(fit(tenants.RelName, "watertight_fkey"))
	s.up("alter table %s add constraint %s foreign key (%s) references watertight.tenants (id) not valid", tenants.Name(), key, catalog.Quote(tenants.column))
	m.registerTenants(s)
	s.up("alter table %s validate constraint %s", tenants.Name(), key)
	for _, schema := range m.schemas() {
		s.up("select watertight_adopt.save_schema(%d, %s)", protectNumber, literal(catalog.Quote(schema)))
	}
	for _, t := range m.tables {
		switch t.class {
		case root, tenant:
			m.protectTable(s, t)
		case shared:
			s.up("select watertight_adopt.save_table(%d, %s)", protectNumber, literal(t.Name()))
			for _, p := range t.parts { // share() does not reach below the table
				s.up("alter table %s enable row level security, force row level security", p.Name())
			}
			s.up("select watertight.share(%s)", literal(t.Name()))
			s.down("select watertight_adopt.unprotect(%s)", literal(t.Name()))
		}
	}
	s.down("select watertight_adopt.restore(%d)", protectNumber)
	s.down("alter table %s drop constraint if exists %s", tenants.Name(), key)
	return s
}

func (m *model) protectTable(s *Step, t *table) {
	s.up("select watertight_adopt.save_table(%d, %s)", protectNumber, literal(t.Name()))
	switch {
	case !t.added:
	case t.class == root:
		s.up("alter table %s alter column %s drop default", t.Name(), catalog.Quote(t.column))
		s.down("alter table %s alter column %s set default gen_random_uuid()", t.Name(), catalog.Quote(t.column))
	case m.writers(t) != "":
		// What such a function writes has no tenant of its own: it comes from
		// the row that it hangs on, as the caller may see it.
		s.up("alter function %s() security invoker", t.fillFunction())
		s.down("alter function %s() security definer", t.fillFunction())
	default:
		s.up("drop trigger %s on %s", fillTrigger, t.Name())
		s.down("drop trigger if exists %s on %s", fillTrigger, t.Name())
		s.Down = append(s.Down, m.fillCreate(t))
	}
	s.up("select watertight.protect(%s, %s)", literal(t.Name()), literal(t.column))
	s.down("select watertight_adopt.unprotect(%s)", literal(t.Name()))
}

// writers names a function that inserts into a table, as far as its text shows.
func (m *model) writers(t *table) string {
	name := `(?i)\binsert\s+into\s+(?:only\s+)?(?:"?` + regexp.QuoteMeta(t.Schema) + `"?\s*\.\s*)?"?` + regexp.QuoteMeta(t.RelName) + `"?[\s(]`
	pattern := regexp.MustCompile(name)
	for _, f := range m.functions() {
		if pattern.MatchString(f.Source) {
			return f.Name()
		}
	}
	return ""
}

func (m *model) closeStep() *Step {
	s := &Step{
		Name: "close", Title: "Close the old way", Contract: true,
		Why: "The roles of before lose the tables. No policy lets them see a row any more in any case.",
	}
	for _, t := range m.tables {
		if t.class == closed {
			continue
		}
		s.up("select watertight_adopt.save_table(%d, %s)", closeNumber, literal(t.Name()))
		s.up("select watertight_adopt.close_table(%s)", literal(t.Name()))
	}
	for _, v := range m.tenantViews() {
		s.up("select watertight_adopt.save_table(%d, %s)", closeNumber, literal(v.Name()))
		s.up("select watertight_adopt.close_table(%s)", literal(v.Name()))
	}
	s.down("select watertight_adopt.restore(%d)", closeNumber)
	return s
}
