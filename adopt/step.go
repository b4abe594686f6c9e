package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A Step is one file of a plan: statements that lead forth, and those that lead
// back to exactly what was before.
type Step struct {
	Number int
	Name   string // of the file, without number and extension
	Title  string
	Why    string

	// Contract says that the application as it was no longer works from this
	// step on.
	Contract bool

	// Whole says that the step can only be taken back as a whole: an
	// interrupted one is finished first.
	Whole bool

	Up, Down []string

	schema string // fingerprint of the schema that the plan is for
}

// File is the name of the step's file.
func (s *Step) File() string { return fmt.Sprintf("%04d_%s.sql", s.Number, s.Name) }

func (s *Step) up(format string, args ...any) { s.Up = append(s.Up, fmt.Sprintf(format, args...)) }
func (s *Step) down(format string, args ...any) {
	s.Down = append(s.Down, fmt.Sprintf(format, args...))
}

// Statements that are none of SQL: Apply installs Watertight's own schema, and
// takes it out again.
const (
	installDirective   = "-- +watertight migrate up"
	uninstallDirective = "-- +watertight migrate down"
)

// steps makes the plan.
func (m *model) steps(installed bool) []*Step {
	list := []*Step{
		m.keepStep(),
		installStep(installed),
		m.columnsStep(),
		m.fillStep(),
		m.backfillStep(),
		m.keysStep(),
		m.referencesStep(),
		m.openStep(installed),
		m.viewsStep(),
		m.oldKeysStep(),
		m.protectStep(),
		m.closeStep(),
	}
	for i, s := range list {
		s.Number = i + 1
	}
	return list
}

// The numbers under which steps save owners and rights.
const (
	keepNumber    = 1
	openNumber    = 8
	viewsNumber   = 9
	protectNumber = 11
	closeNumber   = 12
)

// schemas are the schemas of the tables that the plan is about.
func (m *model) schemas() []string {
	var out []string
	for _, t := range m.tables {
		if t.class != closed && !slices.Contains(out, t.Schema) {
			out = append(out, t.Schema)
		}
	}
	slices.Sort(out)
	return out
}

// path is the search_path that functions of the team get: public first, as it
// usually is.
func (m *model) path() string {
	var out []string
	for _, s := range m.schemas() {
		if s == "public" {
			out = slices.Insert(out, 0, s)
			continue
		}
		out = append(out, s)
	}
	return list(append(out, "pg_temp"))
}

func (m *model) keepStep() *Step {
	s := &Step{
		Name: "keep", Title: "Keep the application working",
		Why: "Watertight takes rights from PUBLIC that the application may use without having them itself.\n" +
			"Its roles get them by name. This is also where the plan's own notes and helpers begin.",
	}
	s.Up = append(s.Up, helpers()...)
	s.up("select watertight_adopt.save_database(%d)", keepNumber)
	s.down("select watertight_adopt.unkeep()")
	s.down("select watertight_adopt.restore(%d)", keepNumber)
	for _, schema := range append([]string{"public"}, m.schemas()...) {
		s.up("select watertight_adopt.save_schema(%d, %s)", keepNumber, literal(catalog.Quote(schema)))
	}
	for _, r := range m.roles {
		s.up("select watertight_adopt.keep(%s)", literal(r))
	}
	s.down("drop schema watertight_adopt cascade")
	return s
}

func installStep(installed bool) *Step {
	s := &Step{
		Name: "install", Title: "Install Watertight",
		Why: "Roles, the signed context, protect(). Another tool than watertight adopt apply\nneeds watertight migrate before this file.",
		Up:  []string{installDirective, "select 'watertight.protected_table'::regclass"},
	}
	if !installed {
		s.Down = []string{
			// The one right on a catalog table that the installation's way back forgets.
			"revoke select on pg_catalog.pg_largeobject_metadata from pg_monitor, watertight_migrator",
			"grant select on pg_catalog.pg_largeobject_metadata to public",
			uninstallDirective, "drop schema if exists watertight cascade", // the notes of its migrations
		}
	}
	return s
}

func (m *model) columnsStep() *Step {
	s := &Step{
		Name: "columns", Title: "Add the tenant's column",
		Why: "A column without a default changes the catalogue only: no row is rewritten.",
	}
	for _, t := range m.order {
		if t.added {
			s.up("alter table %s add column %s uuid", t.Name(), catalog.Quote(t.column))
			s.down("alter table %s drop column if exists %s", t.Name(), catalog.Quote(t.column))
		}
	}
	return s
}

// fillTrigger is the name of the trigger that fills the column. Triggers fire in
// the order of their names, and the team's own may set what it looks at.
const fillTrigger = "zz_watertight_adopt"

func (t *table) fillFunction() string {
	return "watertight_adopt." + catalog.Quote(fit("fill "+t.Schema+"."+t.RelName, "t"))
}

func (m *model) fillStep() *Step {
	s := &Step{
		Name: "fill_new", Title: "Fill the column in rows that are written from now on",
		Why: "The application as it is does not know the column. A trigger gives each row that it writes\n" +
			"the tenant that the row belongs to already, and keeps the two the same.",
	}
	for _, t := range m.order {
		if !t.added {
			continue
		}
		if t.class == root {
			s.up("alter table %s alter column %s set default gen_random_uuid()", t.Name(), catalog.Quote(t.column))
			s.down("alter table %s alter column %s drop default", t.Name(), catalog.Quote(t.column))
			continue
		}
		s.Up = append(s.Up, m.fillFunction(t), m.fillCreate(t))
		s.down("drop trigger if exists %s on %s", fillTrigger, t.Name())
		s.down("drop function if exists %s()", t.fillFunction())
	}
	return s
}

func (m *model) fillCreate(t *table) string {
	return fmt.Sprintf("create trigger %s before insert or update on %s for each row execute function %s()", fillTrigger, t.Name(), t.fillFunction())
}

// fillFunction fills what is empty and follows what the row hangs on. It does
// not correct a tenant that a statement names: the keys refuse a wrong one.
func (m *model) fillFunction(t *table) string {
	col := catalog.Quote(t.column)
	moved := make([]string, 0, 4)
	for _, c := range t.sources() {
		q := catalog.Quote(c)
		moved = append(moved, "new."+q+" is not distinct from old."+q)
	}
	unmoved := strings.Join(moved, " and ")
	if t.from != "" {
		unmoved = "to_jsonb(new) = to_jsonb(old)"
	}
	return fmt.Sprintf(`create or replace function %[1]s() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.%[2]s is distinct from old.%[2]s or (new.%[2]s is not null and %[3]s) then
      return new;
    end if;
  elsif new.%[2]s is not null then
    return new;
  end if;
  select %[4]s into owner from (select new.*) t;
  new.%[2]s := coalesce(owner, new.%[2]s);
  return new;
end $fill$`, t.fillFunction(), col, unmoved, m.tenantOf(t, "t"))
}

func (m *model) backfillStep() *Step {
	s := &Step{
		Name: "backfill", Title: "Fill the column in the rows that are there",
		Why: "Table after table, those first that others get their tenant from, in batches that commit.\n" +
			"The check comes first: it waits for whoever is writing, and from then on no row is written\n" +
			"without a tenant. Validating it lets readers and writers go on, and SET NOT NULL then reads\n" +
			"no row.",
	}
	for _, t := range m.order {
		col := t.ColumnNamed(t.column)
		if !t.added && col.NotNull {
			continue
		}
		check, quoted := catalog.Quote(fit(t.RelName, "wt_filled")), catalog.Quote(t.column)
		s.up("alter table %s add constraint %s check (%s is not null) not valid", t.Name(), check, quoted)
		if t.added {
			s.up("call watertight_adopt.backfill(%s, %s, %s)", literal(t.Name()), literal(t.column), dollar(m.tenantOf(t, "t")))
		}
		s.up("select watertight_adopt.expect_none(%s, %s)", literal("rows of "+t.Name()+" without a tenant"),
			dollar("select count(*) from "+t.Name()+" where "+quoted+" is null"))
		s.up("alter table %s validate constraint %s", t.Name(), check)
		s.up("alter table %s alter column %s set not null", t.Name(), quoted)
		s.up("alter table %s drop constraint %s", t.Name(), check)
		s.down("alter table %s drop constraint if exists %s", t.Name(), check)
		s.down("alter table %s alter column %s drop not null", t.Name(), quoted)
	}
	s.down("delete from watertight_adopt.walked")
	return s
}
