package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A Planted is a leak that was put into the copy on purpose, to see whether the
// suite finds it. A suite that finds none proves nothing.
type Planted struct {
	Class  string `json:"class"`
	Where  string `json:"where"`
	Caught bool   `json:"caught"`
	By     string `json:"by"`     // the rule that caught it
	Reason string `json:"reason"` // why it was not caught, or not planted
}

// A plant is how to put a leak of a class into a table.
type plant struct {
	class string
	rules []string // any of which catches it
	ddl   func(*planter) string
}

// A planter writes the DDL for one table.
type planter struct {
	w      *world
	t      *table
	parent *table
	key    string // the tenant column, quoted
	app    string // the role, quoted
	schema string
}

// plants are the classes of leaks, one of each kind of defence that can be
// missing.
var plants = []plant{
	{"row-level security disabled", []string{ruleRead}, func(p *planter) string {
		return p.grant("select, insert, update, delete") + "alter table " + p.t.name() + " disable row level security"
	}},
	{"owner without FORCE", []string{ruleRead}, func(p *planter) string {
		return fmt.Sprintf("grant usage, create on schema %s to %s; alter table %s no force row level security; alter table %s owner to %s", p.schema, p.app, p.t.name(), p.t.name(), p.app)
	}},
	{"role with BYPASSRLS", []string{ruleRead}, func(p *planter) string {
		return p.grant("select") + "alter role " + p.app + " bypassrls"
	}},
	{"second permissive policy", []string{ruleRead}, func(p *planter) string { return p.grant("select") + p.policy("for select using (true)") }},
	{"policy widened to a resembling tenant", []string{ruleRead}, func(p *planter) string {
		id := p.w.tenants[0].id
		return p.grant("select") + p.policy(fmt.Sprintf("for select using (left(%s::text, %d) = %s)", p.key, min(8, len(id)), quoteText(id[:min(8, len(id))])))
	}},
	{"WITH CHECK (true)", []string{ruleInsert}, func(p *planter) string {
		return p.grant("select, insert") + p.policy("for insert with check (true)")
	}},
	{"UPDATE policy of true", []string{ruleUpdate, ruleMove}, func(p *planter) string {
		return p.grant("select, update") + p.policy("for update using (true) with check (true)")
	}},
	{"DELETE policy of true", []string{ruleDelete}, func(p *planter) string { return p.grant("select, delete") + p.policy("for delete using (true)") }},
	{"policy that fails open", []string{ruleContext}, func(p *planter) string {
		name := p.w.context.setting
		if p.w.context.signer != nil {
			name = "watertight.context"
		}
		if name == "" {
			return ""
		}
		return p.grant("select") + p.policy("for select using (coalesce(pg_catalog.current_setting("+quoteText(name)+", true), '') = '')")
	}},
	{"TRUNCATE granted", []string{ruleTruncate}, func(p *planter) string { return p.grant("truncate") }},
	{"foreign key without the tenant", []string{ruleForeignKey}, func(p *planter) string {
		if p.parent == nil {
			return ""
		}
		return fmt.Sprintf("alter table %s add column wt_key uuid not null default gen_random_uuid() unique; alter table %s add column wt_ref uuid references %s (wt_key); ", p.parent.name(), p.t.name(), p.parent.name()) +
			p.grant("select, insert, update")
	}},
	{"unique key without the tenant", []string{ruleUnique}, func(p *planter) string {
		return fmt.Sprintf("alter table %s add column wt_code text; update %s set wt_code = 'code ' || gen_random_uuid(); alter table %s add unique (wt_code); ", p.t.name(), p.t.name(), p.t.name()) + p.grant("select, insert, update")
	}},
	{"exclusion constraint without the tenant", []string{ruleExclusion}, func(p *planter) string {
		return fmt.Sprintf("create sequence %s.wt_seq; alter table %s add column wt_slot int4range; update %s set wt_slot = int4range(nextval('%s.wt_seq')::int * 2, null) * int4range(0, currval('%s.wt_seq')::int * 2 + 1); alter table %s add exclude using gist (wt_slot with &&); ",
			p.schema, p.t.name(), p.t.name(), p.schema, p.schema, p.t.name()) + p.grant("select, insert, update")
	}},
	{"view with its owner's rights", []string{ruleView}, func(p *planter) string {
		return fmt.Sprintf("create view %s.wt_view as select * from %s; grant select on %s.wt_view to %s", p.schema, p.t.name(), p.schema, p.app)
	}},
	{"materialised view", []string{ruleView}, func(p *planter) string {
		return fmt.Sprintf("create materialized view %s.wt_matview as select * from %s; grant select on %s.wt_matview to %s", p.schema, p.t.name(), p.schema, p.app)
	}},
	{"SECURITY DEFINER function", []string{ruleFunction}, func(p *planter) string {
		return fmt.Sprintf("create function %s.wt_all() returns bigint language sql security definer as 'select count(*) from %s'; grant execute on function %s.wt_all() to %s", p.schema, strings.ReplaceAll(p.t.name(), "'", "''"), p.schema, p.app)
	}},
	{"trigger that reaches other tenants", []string{ruleSideEffect}, func(p *planter) string {
		return fmt.Sprintf("create function %s.wt_reach() returns trigger language plpgsql security definer as $wt$ begin delete from %s where %s <> old.%s; return old; end $wt$; create trigger wt_reach after delete on %s for each row execute function %s.wt_reach(); ",
			p.schema, p.t.name(), p.key, p.key, p.t.name(), p.schema) + p.grant("select, delete")
	}},
	{"child table without a policy", []string{ruleRead}, func(p *planter) string {
		if p.t.rel.Kind != catalog.Table || p.t.rel.Partition {
			return ""
		}
		return fmt.Sprintf("create table %s.wt_child () inherits (%s); alter table %s.wt_child disable row level security; insert into %s.wt_child select * from only %s; grant select on %s.wt_child to %s",
			p.schema, p.t.name(), p.schema, p.schema, p.t.name(), p.schema, p.app)
	}},
	{"policy that trusts a writable table", []string{ruleEscalation}, func(p *planter) string {
		return fmt.Sprintf("create table %s.wt_current (tenant text not null); insert into %s.wt_current values (''); alter table %s.wt_current disable row level security; grant select, update on %s.wt_current to %s; ", p.schema, p.schema, p.schema, p.schema, p.app) +
			p.grant("select") + p.policy(fmt.Sprintf("for select using (%s::text = (select c.tenant from %s.wt_current c))", p.key, p.schema))
	}},
	{"table without row-level security", []string{ruleRead}, func(p *planter) string {
		return fmt.Sprintf("create table %s.wt_new as select * from %s; alter table %s.wt_new disable row level security; grant select on %s.wt_new to %s", p.schema, p.t.name(), p.schema, p.schema, p.app)
	}},
}

func (p *planter) grant(what string) string {
	return fmt.Sprintf("grant usage on schema %s to %s; grant %s on %s to %s; ", p.schema, p.app, what, p.t.name(), p.app)
}

func (p *planter) policy(rest string) string {
	command, rest, _ := strings.Cut(rest, " using")
	kind := " using"
	if rest == "" {
		command, rest, _ = strings.Cut(command, " with check")
		kind = " with check"
	}
	return fmt.Sprintf("create policy wt_planted on %s as permissive %s to %s%s%s", p.t.name(), command, p.app, kind, rest)
}

// selfTest plants a leak of each class and attacks again.
func (w *world) selfTest(ctx context.Context, s *session, report *Report) error {
	tables := w.plantable(report)
	if len(tables) == 0 {
		return fmt.Errorf("no table is clean and filled, so no leak can be planted in one (mend the leaks that were found first)")
	}
	total := len(plants) + 1
	for i, p := range plants {
		planted, err := w.plantOne(ctx, s, p, tables)
		if err != nil {
			return err
		}
		report.Planted = append(report.Planted, planted)
		if w.cfg.Progress != nil {
			w.cfg.Progress(i+1, total, "plant "+p.class)
		}
	}
	if err := w.plantQuery(ctx, s, report); err != nil {
		return err
	}
	for _, p := range report.Planted {
		if !p.Caught && p.Reason == "" {
			report.Findings = append(report.Findings, Finding{
				Rule: ruleUnproved, Severity: Error, Object: "self-test", Table: p.Where,
				Message: "a planted leak was not caught: " + p.Class, Fix: "report it as a bug: the suite is blind here",
			})
		}
	}
	return nil
}

// plantable returns the tables in which nothing was found and that are filled,
// those that no other refers to first.
func (w *world) plantable(report *Report) []*table {
	referred := map[catalog.OID]bool{}
	for _, t := range w.tables {
		for _, k := range w.foreignKeys(t.rel) {
			if k.References != t.rel.OID {
				referred[k.References] = true
			}
		}
	}
	var out []*table
	for _, t := range w.attackable() {
		dirty := slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Severity == Error && f.Table == shownName(t.rel) })
		if t.class == direct && !dirty && len(t.rows) > 3 && t.rel.Kind == catalog.Table && !t.rel.Partition && t.rel.Schema != "watertight" {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b *table) int { return boolInt(referred[a.rel.OID]) - boolInt(referred[b.rel.OID]) })
	return out
}

// maxPlaces bounds in how many tables a class is tried until one fits.
const maxPlaces = 4

// plantOne plants a leak in the first table that takes it.
func (w *world) plantOne(ctx context.Context, s *session, p plant, tables []*table) (Planted, error) {
	out := Planted{Class: p.class, Reason: "no table takes it"}
	for _, t := range tables[:min(len(tables), maxPlaces)] {
		place := &planter{w: w, t: t, key: quoteName(t.column.Name), app: quoteName(w.app.Name), schema: quoteName(t.rel.Schema)}
		for _, other := range tables {
			if other != t {
				place.parent = other
			}
		}
		ddl := p.ddl(place)
		if ddl == "" {
			out.Reason = "the schema has no such thing"
			continue
		}
		// The triggers that are there may stop the leak: that is another lock.
		ddl = "alter table " + t.name() + " disable trigger user; " + ddl
		only := map[catalog.OID]bool{t.rel.OID: true}
		found, err := w.mutant(ctx, s, ddl, only)
		if err != nil {
			if ctx.Err() != nil || s.conn.IsClosed() {
				return out, err
			}
			out.Reason = err.Error()
			continue
		}
		out.Where, out.Reason = shownName(t.rel), ""
		for _, f := range found.Findings {
			if f.Severity == Error && slices.Contains(p.rules, f.Rule) {
				out.Caught, out.By = true, f.Rule
				return out, nil
			}
		}
	}
	return out, nil
}

// plantQuery strips the tenant clause from a query, which must then leak with
// row-level security off.
func (w *world) plantQuery(ctx context.Context, s *session, report *Report) error {
	columns := w.allTenantColumns()
	for _, q := range w.cfg.Queries {
		if q.Waived != "" {
			continue
		}
		sql, ok := strip(q.SQL, columns)
		if !ok || !readsOnly(sql) {
			continue
		}
		h := &whole{session: s, report: &Report{}}
		stripped := q
		stripped.SQL, stripped.Tenant = sql, q.tenantParameter(w.ten.Names)
		if err := h.attackQueries(ctx, []Query{stripped}); err != nil {
			return err
		}
		for _, f := range h.report.Findings {
			if f.Rule == ruleQuery {
				report.Planted = append(report.Planted, Planted{Class: "query without its tenant clause", Where: q.Name, Caught: true, By: f.Rule})
				return nil
			}
		}
	}
	if len(w.cfg.Queries) > 0 {
		report.Planted = append(report.Planted, Planted{Class: "query without its tenant clause", Reason: "no query has a clause that can be taken out and answers without it"})
	}
	return nil
}

// CatchRate is how many of the planted leaks were caught, of how many.
func (r Report) CatchRate() (caught, planted int) {
	for _, p := range r.Planted {
		if p.Where != "" {
			planted++
			if p.Caught {
				caught++
			}
		}
	}
	return caught, planted
}
