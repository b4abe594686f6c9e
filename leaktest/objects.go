package leaktest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// An object is a view or a function, or anything else that answers without
// being a table: whose rows an answer is made of cannot be read off it. So it
// is asked twice, with the rows of the other tenants in the database and
// without them, and must answer the same.
type object struct {
	name    string
	kind    string // view, function
	rule    string
	rel     *catalog.Relation
	asks    []ask
	owner   string
	definer bool
}

// An ask is one statement with the values of a tenant in it.
type ask struct {
	sql   string
	bound []string // values of the victim that stand in the statement
}

// An answer is what came back.
type answer struct {
	outcome
	sum     string
	changed []*table
}

// seal takes the fingerprint of the rows, whatever their order.
func (a *answer) seal() {
	lines := make([]string, len(a.rows))
	for i, r := range a.rows {
		lines[i] = strings.Join(r, "\x1f")
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\x1e") + fmt.Sprint(a.affected) + a.code()))
	a.sum = hex.EncodeToString(sum[:])
}

// objects attacks views and functions.
func (h *whole) objects(ctx context.Context) error {
	list := h.views()
	functions, err := h.functions(ctx)
	if err != nil {
		return err
	}
	list = append(list, functions...)
	if len(list) == 0 {
		return nil
	}
	canaries := h.w.newCanaries()
	for _, o := range list {
		if err := h.attackObject(ctx, o, canaries); err != nil {
			return err
		}
	}
	return nil
}

// views are the relations that are read like tables.
func (h *whole) views() []object {
	var out []object
	for _, r := range h.w.cat.Relations {
		t := h.w.byOID[r.OID]
		if r.Extension || !h.w.named(r) || t == nil || !t.canSelect() || !(r.Kind == catalog.View || r.Kind == catalog.MaterializedView || r.Kind == catalog.ForeignTable) {
			continue
		}
		var names []string
		for _, c := range r.Columns {
			if t.selects || t.selectCols[c.Num] {
				names = append(names, "v."+quoteName(c.Name)+"::text")
			}
		}
		o := object{name: shownName(r), kind: "view", rule: ruleView, rel: r}
		o.asks = append(o.asks, ask{sql: fmt.Sprintf("select %s from %s v", strings.Join(names, ", "), r.Name())})
		// A view that shows nothing of its own may still write.
		if t.canUpdate() || t.deletes {
			o.asks = append(o.asks, h.viewWrites(t)...)
		}
		out = append(out, o)
	}
	return append(out, h.sharedTables()...)
}

// sharedTables belong to no tenant, and so must not hold what is a tenant's: a
// trigger may have copied it there while rows were made.
func (h *whole) sharedTables() []object {
	var out []object
	for _, r := range h.w.cat.Relations {
		t := h.w.byOID[r.OID]
		if r.Extension || t == nil || !r.IsTable() || t.class != shared || !t.canSelect() || r.Schema == "watertight" || !h.w.named(r) {
			continue
		}
		var names []string
		for _, c := range r.Columns {
			if t.selects || t.selectCols[c.Num] {
				names = append(names, "v."+quoteName(c.Name)+"::text")
			}
		}
		out = append(out, object{
			name: shownName(r), kind: "table", rule: ruleCopies, rel: r,
			asks: []ask{{sql: fmt.Sprintf("select %s from %s v", strings.Join(names, ", "), r.Name())}},
		})
	}
	return out
}

// viewWrites change what a view shows, without a WHERE.
func (h *whole) viewWrites(t *table) []ask {
	var out []ask
	if t.deletes {
		out = append(out, ask{sql: "delete from " + t.name()})
	}
	for _, c := range t.rel.Columns {
		if (t.updates || t.updCols[c.Num]) && h.w.types[c.BaseOID] != nil && isText(h.w.types[c.BaseOID]) && !slices.Contains(h.w.ten.Names, c.Name) {
			out = append(out, ask{sql: fmt.Sprintf("update %s set %s = left(%s || 'x', 20)", t.name(), quoteName(c.Name), quoteName(c.Name))})
		}
	}
	return out
}

// functions are those that the application may call.
func (h *whole) functions(ctx context.Context) ([]object, error) {
	rows, err := h.query(ctx, `select p.oid::text, p.prokind::text, p.proretset::text, p.provariadic <> 0, pg_catalog.format_type(p.prorettype, null), p.pronargdefaults::text
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and p.prokind in ('f', 'p')
  and pg_catalog.has_function_privilege(`+quoteText(h.w.app.Name)+`, p.oid, 'EXECUTE') and pg_catalog.has_schema_privilege(`+quoteText(h.w.app.Name)+`, n.oid, 'USAGE')`)
	if err != nil {
		return nil, err
	}
	callable := map[string][]string{}
	for _, r := range rows {
		callable[r[0]] = r
	}
	var out []object
	for _, f := range h.w.cat.Functions {
		info, ok := callable[fmt.Sprint(f.OID)]
		if !ok || f.Extension || f.Trigger || f.Event || f.Schema == "watertight" {
			continue
		}
		o := object{name: f.Name(), kind: "function", rule: ruleFunction, definer: f.Definer}
		if role := h.w.cat.Role(f.Owner); role != nil {
			o.owner = role.Name
		}
		o.asks = h.calls(f, info[1] == "p")
		if len(o.asks) > 0 {
			out = append(out, o)
		}
	}
	return out, nil
}

// maxCalls bounds how often one function is called.
const maxCalls = 12

// calls invents arguments: the identifiers and values of both tenants.
func (h *whole) calls(f *catalog.Function, procedure bool) []ask {
	name := quoteName(f.Schema) + "." + quoteName(f.FuncName)
	form := "select x::text from " + name + "(%s) x"
	if procedure {
		form = "call " + name + "(%s)"
	}
	lists := make([][]value, len(f.ArgTypes))
	most := 1
	for i, oid := range f.ArgTypes {
		argument := ""
		if i < len(f.ArgNames) {
			argument = f.ArgNames[i]
		}
		lists[i] = h.argumentValues(oid, argument)
		if len(lists[i]) == 0 {
			return nil
		}
		most = max(most, len(lists[i]))
	}
	var out []ask
	for n := range min(most, maxCalls) {
		args := make([]string, len(lists))
		for i, l := range lists {
			v := l[n%len(l)]
			args[i] = "cast(" + v.sql() + " as " + h.typeName(f.ArgTypes[i]) + ")"
		}
		a := ask{sql: fmt.Sprintf(form, strings.Join(args, ", "))}
		for i, l := range lists {
			a.bound = append(a.bound, l[n%len(lists[i])].text)
		}
		out = append(out, a)
	}
	return out
}

func (h *whole) typeName(oid catalog.OID) string {
	t := h.w.types[oid]
	if t.Schema != "pg_catalog" && !strings.Contains(t.Name, ".") && t.Element == 0 {
		return quoteName(t.Schema) + "." + quoteName(t.TypeName)
	}
	return t.Name
}

// argumentValues returns values of a type, those of the other tenant first.
func (h *whole) argumentValues(oid catalog.OID, argument string) []value {
	t := h.w.types[oid]
	if t == nil || t.Kind == "p" {
		return nil
	}
	var out []value
	add := func(s string) {
		if v := text(s); s != nullText && !slices.Contains(out, v) && len(out) < maxCalls {
			out = append(out, v)
		}
	}
	victim, me := h.w.tenants[1], h.w.tenants[0]
	kind, _ := h.w.tenantKind()
	identifier := t.TypeName == "uuid" && kind == "uuid" || isText(t) || strings.HasPrefix(t.TypeName, "int") && kind != "uuid" && kind != "text"
	if identifier && (likeTenant(argument, h.w.ten.Names) || t.TypeName == "uuid") {
		add(victim.id)
		if likeTenant(argument, h.w.ten.Names) {
			add(me.id)
			return out
		}
	}
	for _, whose := range []*tenant{victim, me} {
		for _, tab := range h.w.tables {
			for _, c := range tab.rel.Columns {
				for _, r := range tab.rows {
					if r.tenant == whose && c.TypeOID == oid && c != tab.column {
						if argument == "" || strings.Contains(normal(argument), normal(c.Name)) || len(out) < 3 {
							add(r.values[c.Name])
						}
						break
					}
				}
			}
		}
	}
	if isText(t) {
		add("%")
		add("1=1")
		for _, tab := range h.w.attackable() {
			add(tab.name())
		}
	}
	if len(out) == 0 {
		if s, ok := (maker{w: h.w, label: "wt", n: 1}).base(oid, t.Name, argument); ok {
			add(s)
		}
	}
	return out
}

// attackObject asks with and without the rows of the others.
func (h *whole) attackObject(ctx context.Context, o object, canaries *canaries) error {
	verdict, detail, answered := Held, "the same answer with and without the rows of others", false
	for _, q := range o.asks {
		with, err := h.ask(ctx, q.sql, false)
		if err != nil {
			return err
		}
		if with.err != nil {
			detail = with.String()
			continue
		}
		answered = true
		if found := canaries.shown(with.rows, q.bound); found {
			verdict, detail = Leaked, "shows values of another tenant"
			break
		}
		if len(with.changed) > 0 {
			verdict, detail = Leaked, "changes rows of another tenant in "+(result{changed: with.changed}).changedNames()
			break
		}
		again, err := h.ask(ctx, q.sql, false)
		if err != nil {
			return err
		}
		if again.sum != with.sum {
			continue // random, or the time
		}
		without, err := h.ask(ctx, q.sql, true)
		if err != nil {
			return err
		}
		if !without.interrupted() && without.sum != with.sum {
			verdict, detail = Leaked, "answers differently when the rows of other tenants are gone"
			break
		}
	}
	if !answered {
		verdict = Closed
	}
	h.report.Cells = append(h.report.Cells, Cell{Object: o.name, Kind: o.kind, Attack: "call as another tenant", Lock: "database", Verdict: verdict, Detail: detail})
	if verdict == Leaked {
		h.find(o.rule, Error, "", o.kind+" "+o.name, o.kind+" "+o.name+" "+detail)
	}
	return nil
}

// ask runs a statement as the application inside the first tenant.
func (h *whole) ask(ctx context.Context, sql string, alone bool) (answer, error) {
	var a answer
	probe := &attacker{session: h.session, me: h.w.tenants[0]}
	err := h.scope(ctx, func() error {
		if alone {
			if err := h.removeOthers(ctx); err != nil {
				return err
			}
		}
		if _, err := probe.written(ctx); err != nil {
			return err
		}
		return h.as(ctx, h.w.tenants[0], func() error {
			var err error
			if a.outcome, err = h.run(ctx, sql); err != nil || a.err != nil {
				return err
			}
			a.seal()
			if !alone {
				a.changed, err = probe.changed(ctx)
			}
			return err
		})
	})
	return a, err
}

// removeOthers leaves the rows of the first tenant only, and of nobody.
func (h *whole) removeOthers(ctx context.Context) error {
	if h.w.super {
		if err := h.must(ctx, "set local session_replication_role = replica"); err != nil {
			return err
		}
	}
	me := quoteText(h.w.tenants[0].id)
	// What belongs through a parent goes before the parent does.
	for i := len(h.w.tables) - 1; i >= 0; i-- {
		t := h.w.tables[i]
		if t.class == shared || t.rel.Kind != catalog.Table {
			continue
		}
		if err := h.removeFrom(ctx, t, fmt.Sprintf("delete from only %s t where %s <> %s", t.name(), t.owner, me)); err != nil {
			return err
		}
	}
	for _, r := range h.w.cat.Relations {
		if r.Kind == catalog.MaterializedView && !r.Extension {
			if o, err := h.try(ctx, "refresh materialized view "+r.Name()); err != nil || o.err != nil {
				return err
			}
		}
	}
	if h.w.super {
		return h.must(ctx, "set local session_replication_role = origin")
	}
	return nil
}

// removeFrom deletes rows, without the triggers that refuse to.
func (h *whole) removeFrom(ctx context.Context, t *table, sql string) error {
	o, err := h.try(ctx, sql)
	if err != nil || o.err == nil {
		return err
	}
	if o, err = h.try(ctx, "alter table "+t.name()+" disable trigger user"); err == nil && o.err == nil {
		o, err = h.try(ctx, sql)
	}
	if err == nil && o.err != nil {
		h.w.note(fmt.Sprintf("rows of %s could not be taken away, so that answers made of them were not compared: %s", shownName(t.rel), o.err.Message))
	}
	return err
}

func (w *world) note(text string) {
	if !slices.Contains(w.notes, text) {
		w.notes = append(w.notes, text)
	}
}
