package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// A whole makes the attacks that concern the database as a whole, one after
// the other.
type whole struct {
	*session
	report *Report
}

// attackSerially makes the attacks that concern the database as a whole, or
// that would wait for those of other sessions.
func (w *world) attackSerially(ctx context.Context, report *Report) error {
	s, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	h := &whole{session: s, report: report}
	// A connection that never had a tenant comes first.
	for _, step := range []func(context.Context) error{
		h.contexts, h.residue, h.forge, h.truncates, h.objects, h.escalations, h.sequences, h.extras,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (h *whole) cell(t *catalog.Relation, kind, attack string, v Verdict, control, detail string) {
	h.report.Cells = append(h.report.Cells, Cell{Object: shownName(t), Kind: kind, Attack: attack, Lock: "database", Verdict: v, Control: control, Detail: detail})
}

func (h *whole) find(rule, severity, table, object, message string) {
	f := Finding{Rule: rule, Severity: severity, Table: table, Object: object, Message: message, Fix: ruleOf(rule).Fix}
	if !slices.Contains(h.report.Findings, f) {
		h.report.Findings = append(h.report.Findings, f)
	}
}

// A state is a context without a valid tenant.
type state struct{ name, set string }

// states are the contexts in which no row of a tenant may be visible. The first
// is that of a connection that never had a tenant; the others leave traces.
func (h *whole) states() []state {
	c := h.w.context
	if c.signer != nil {
		valid := c.signer.token(h.w.tenants[1].id, h.conn.PgConn().PID())
		return []state{
			{"no tenant", ""},
			{"empty", setLocal("watertight.context", "")},
			{"garbage", setLocal("watertight.context", "w1.x.y.z")},
			{"only a tenant's name", setLocal("watertight.context", h.w.tenants[1].id)},
			{"changed tenant", setLocal("watertight.context", strings.Replace(valid, h.w.tenants[1].id, h.w.tenants[0].id, 1))},
			{"another session's", setLocal("watertight.context", c.signer.token(h.w.tenants[1].id, 1))},
			{"cut short", setLocal("watertight.context", valid[:len(valid)-2])},
		}
	}
	list := []state{{"no tenant", ""}}
	if c.setting == "" {
		return list
	}
	for _, v := range []string{"", " ", "null", "0", "%", "*", "' or true --", "00000000-0000-0000-0000-000000000000"} {
		list = append(list, state{fmt.Sprintf("%q", v), setLocal(c.setting, v)})
	}
	return list
}

// contexts looks at every table without a valid tenant.
func (h *whole) contexts(ctx context.Context) error {
	for _, t := range h.w.attackable() {
		if t.readable() == "" || len(t.rows) == 0 || t.rel.Partition {
			continue
		}
		leaked := false
		for _, st := range h.states() {
			n, o, err := h.visible(ctx, t, st.set)
			if err != nil {
				return err
			}
			attack := "context: " + st.name
			switch {
			case o.err != nil:
				h.cell(t.rel, "table", attack, Held, "", o.String())
			case n > 0:
				leaked = true
				h.cell(t.rel, "table", attack, Leaked, "", count(n, "row"))
				h.find(ruleContext, Error, shownName(t.rel), "context", fmt.Sprintf("with %s as the tenant, %s of tenants can be read", st.name, count(n, "row")))
			default:
				h.cell(t.rel, "table", attack, Held, "", "no row")
			}
			if leaked {
				break
			}
		}
	}
	return nil
}

// visible counts the rows of tenants that the application sees in a context.
func (h *whole) visible(ctx context.Context, t *table, set string) (n int, o outcome, err error) {
	err = h.scope(ctx, func() error {
		if set != "" {
			if err := h.must(ctx, set); err != nil {
				return err
			}
		}
		if err := h.become(ctx); err != nil {
			return err
		}
		where := ""
		if t.column != nil && t.selectCols[t.column.Num] {
			where = " where t." + quoteName(t.column.Name) + " is not null"
		}
		o, err = h.run(ctx, fmt.Sprintf("select %s from %s t%s", t.readable(), t.name(), where))
		n = len(o.rows)
		return err
	})
	return n, o, err
}

// An ending is how the transaction of a tenant ends, before the next one on the
// connection looks.
type ending struct {
	attack, how string
	statements  []string // the last ends the transaction
}

var endings = []ending{
	{"pool reuse", "had committed", []string{"commit"}},
	{"after rollback", "was rolled back", []string{"rollback"}},
	{"after an error", "had failed", []string{"select 1 / 0", "rollback"}},
}

// residue enters a tenant in a transaction that ends, and looks at what the
// next one on the connection sees.
func (h *whole) residue(ctx context.Context) error {
	if h.w.shared != nil {
		return nil // nothing may be committed here
	}
	for _, e := range endings {
		if err := h.residueAfter(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (h *whole) residueAfter(ctx context.Context, e ending) error {
	conn, err := connect(ctx, h.w.target.config)
	if err != nil {
		return err
	}
	s := &session{w: h.w, conn: conn}
	defer closeConn(conn)
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.become(ctx); err != nil {
		return err
	}
	if o, err := s.enter(ctx, h.w.tenants[0]); err != nil || o.err != nil {
		return err
	}
	for _, sql := range e.statements {
		if o, err := s.run(ctx, sql); err != nil {
			return err
		} else if o.err != nil && sql == e.statements[len(e.statements)-1] {
			return plain(o.err)
		}
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	next := &whole{session: s, report: h.report}
	for _, t := range h.w.attackable() {
		if err := next.residueIn(ctx, t, e); err != nil {
			return err
		}
	}
	return nil
}

// residueIn looks at one table. One that shows rows without any tenant was
// found before.
func (h *whole) residueIn(ctx context.Context, t *table, e ending) error {
	if t.readable() == "" || len(t.rows) == 0 || t.rel.Partition || h.leaked(t, "context: no tenant") {
		return nil
	}
	n, o, err := h.visible(ctx, t, "")
	if err != nil {
		return err
	}
	if o.err != nil || n == 0 {
		h.cell(t.rel, "table", e.attack, Held, "", o.String())
		return nil
	}
	h.cell(t.rel, "table", e.attack, Leaked, "", count(n, "row"))
	h.find(ruleResidue, Error, shownName(t.rel), e.attack, fmt.Sprintf("after the transaction of a tenant %s, the next one on the connection sees %s without entering", e.how, count(n, "row")))
	return nil
}

func (h *whole) leaked(t *table, attack string) bool {
	return slices.ContainsFunc(h.report.Cells, func(c Cell) bool {
		return c.Object == shownName(t.rel) && c.Attack == attack && c.Verdict == Leaked
	})
}

// forge enters another tenant from within the first, as injected SQL would.
func (h *whole) forge(ctx context.Context) error {
	var t *table
	for _, c := range h.w.attackable() {
		if c.readable() != "" && c.column != nil && c.selectCols[c.column.Num] && len(c.rows) > 0 && c.class == direct {
			t = c
			break
		}
	}
	name := h.w.context.setting
	if h.w.context.signer != nil {
		name = "watertight.context"
	}
	if t == nil || name == "" {
		return nil
	}
	victim := h.w.tenants[1]
	seen := 0
	err := h.as(ctx, h.w.tenants[0], func() error {
		set := setLocal(name, h.w.context.value(victim, h.w.context.claims))
		if o, err := h.run(ctx, set); err != nil || o.err != nil {
			return err
		}
		o, err := h.run(ctx, fmt.Sprintf("select 1 from %s t where t.%s = %s", t.name(), quoteName(t.column.Name), quoteText(victim.id)))
		seen = len(o.rows)
		return err
	})
	if err != nil {
		return err
	}
	if seen > 0 {
		severity := ruleOf(ruleForgeable).Severity()
		if h.w.context.signer != nil {
			severity = Error
		}
		h.find(ruleForgeable, severity, "", "setting "+name, "the application's role can set "+name+" to any tenant, so SQL injected into one tenant's statement reads the others")
		h.report.Cells = append(h.report.Cells, Cell{Object: name, Kind: "database", Attack: "forged by set_config", Lock: "database", Verdict: Leaked, Detail: "accepted (a warning: the setting is not signed)"})
		return nil
	}
	h.report.Cells = append(h.report.Cells, Cell{Object: name, Kind: "database", Attack: "forged by set_config", Lock: "database", Verdict: Held})
	return nil
}

// truncates empties tables. It waits for no other session here.
func (h *whole) truncates(ctx context.Context) error {
	for _, t := range h.w.attackable() {
		var o outcome
		err := h.as(ctx, h.w.tenants[0], func() error {
			var err error
			o, err = h.run(ctx, "truncate "+t.name()+" cascade")
			return err
		})
		switch {
		case err != nil:
			return err
		case o.err == nil || t.truncates && t.usage:
			h.cell(t.rel, "table", "truncate", Leaked, "", "the rows of all tenants are gone")
			h.find(ruleTruncate, Error, shownName(t.rel), "privilege TRUNCATE", "a tenant empties the table of all tenants")
		case o.refused():
			h.cell(t.rel, "table", "truncate", Held, "", o.String())
		default:
			h.cell(t.rel, "table", "truncate", NotProved, "", o.String())
			h.find(ruleUnproved, Error, shownName(t.rel), "truncate", "truncate is not proved: "+o.String())
		}
	}
	return nil
}

// sequences are read and moved.
func (h *whole) sequences(ctx context.Context) error {
	rows, err := h.query(ctx, `
select c.oid::regclass::text, pg_catalog.has_sequence_privilege(`+quoteText(h.w.app.Name)+`, c.oid, 'SELECT'),
  pg_catalog.has_sequence_privilege(`+quoteText(h.w.app.Name)+`, c.oid, 'UPDATE')
from pg_catalog.pg_class c join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
where c.relkind = 'S' and d.refobjid = any (`+quoteText(h.w.tableList)+`::oid[])
  and pg_catalog.has_schema_privilege(`+quoteText(h.w.app.Name)+`, c.relnamespace, 'USAGE')`)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r[1] == "t" {
			h.find(ruleSequence, ruleOf(ruleSequence).Severity(), "", "sequence "+r[0], "the application reads how many rows all tenants have made")
		}
		if r[2] == "t" {
			h.find(ruleSequence, ruleOf(ruleSequence).Severity(), "", "sequence "+r[0], "the application can set the sequence back, so that other tenants' inserts fail")
		}
	}
	return nil
}
