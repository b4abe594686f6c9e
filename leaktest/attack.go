package leaktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/watertight-go/watertight/internal/catalog"
)

// An attacker attacks one table as the first tenant.
type attacker struct {
	*session
	seeder   *seeder
	t        *table
	me       *tenant
	victim   *tenant
	owners   map[string]string // of the rows, by place
	own      int               // rows that are mine
	own1     *row
	theirs   *row
	counters map[catalog.OID]string

	cells    []Cell
	findings []Finding
}

// attack makes every attack on a table.
func (w *world) attack(ctx context.Context, s *session, t *table) ([]Cell, []Finding, error) {
	a := &attacker{session: s, t: t, me: w.tenants[0], victim: w.tenants[1]}
	a.seeder = w.newSeeder(s)
	if t.rel.Kind == catalog.PartitionedTable && t.rel.Partition {
		return nil, nil, nil
	}
	if err := a.findRows(ctx); err != nil {
		return nil, nil, err
	}
	if a.own1 == nil || a.theirs == nil {
		if !t.usage || !(t.canSelect() || t.canInsert() || t.canUpdate() || t.deletes || t.truncates) {
			a.cell("all", Closed, "", "the application has no privilege on the table")
			return a.cells, a.findings, nil
		}
		// A partition that got no rows is attacked all the same: its privileges
		// and policies answer, with nothing to show for a control.
		if !t.rel.Partition && len(t.rel.Parents) == 0 {
			a.unproved("all", "", "no rows could be made: "+t.seedErr)
			return a.cells, a.findings, nil
		}
	}
	for _, step := range []func(context.Context) error{
		a.reads, a.updates, a.deletes, a.merges, a.upserts, a.foreignKeys, a.uniqueKeys, a.prepared, a.inserts, a.copies,
	} {
		if err := step(ctx); err != nil {
			return a.cells, a.findings, fmt.Errorf("attack %s: %w", shownName(t.rel), err)
		}
	}
	return a.cells, a.findings, nil
}

// newSeeder makes further rows after the tables were filled.
func (w *world) newSeeder(s *session) *seeder {
	d := &seeder{session: s, n: 5000, done: map[catalog.OID]bool{}, promised: map[catalog.OID][]promise{}}
	for _, t := range w.tables {
		d.done[t.rel.OID] = true
	}
	return d
}

// findRows reads whose each row is, as the administrator.
func (a *attacker) findRows(ctx context.Context) error {
	a.owners = map[string]string{}
	rows, err := a.query(ctx, fmt.Sprintf("select t.tableoid::text || t.ctid::text, %s from %s t", a.t.owner, a.t.name()))
	if err != nil {
		return err
	}
	for _, r := range rows {
		a.owners[r[0]] = r[1]
		if sameText(r[1], a.me.id) {
			a.own++
		}
	}
	for _, r := range a.t.rows {
		switch {
		case r.tenant == a.me && a.own1 == nil:
			a.own1 = r
		case r.tenant == a.victim && a.theirs == nil:
			a.theirs = r
		}
	}
	// A partition or child has rows that were inserted into its parent.
	if a.own1 == nil || a.theirs == nil {
		return a.findInherited(ctx)
	}
	return nil
}

// findInherited takes rows that lie in a partition because they were inserted
// into its parent.
func (a *attacker) findInherited(ctx context.Context) error {
	names := columnNames(a.t.rel)
	rows, err := a.query(ctx, fmt.Sprintf("select t.tableoid::text || t.ctid::text, %s, %s from %s t", prefixed(names), a.t.owner, a.t.name()))
	if err != nil {
		return err
	}
	for _, r := range rows {
		owner := r[len(r)-1]
		made := newRow(nil, names, r[:len(r)-1])
		if sameText(owner, a.me.id) && a.own1 == nil {
			made.tenant, a.own1 = a.me, made
		} else if sameText(owner, a.victim.id) && a.theirs == nil {
			made.tenant, a.theirs = a.victim, made
		}
	}
	return nil
}

func prefixed(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = "t." + quoteName(n) + "::text"
	}
	return strings.Join(list, ", ")
}

// cell records the outcome of an attack.
func (a *attacker) cell(attack string, v Verdict, control, detail string) {
	a.cells = append(a.cells, Cell{Object: shownName(a.t.rel), Kind: "table", Attack: attack, Lock: "database", Verdict: v, Control: control, Detail: detail})
}

func (a *attacker) leaked(rule, attack, object, control, message string) {
	a.cell(attack, Leaked, control, message)
	a.find(rule, Error, object, message)
}

func (a *attacker) find(rule, severity, object, message string) {
	f := Finding{Rule: rule, Severity: severity, Table: shownName(a.t.rel), Object: object, Message: message, Fix: ruleOf(rule).Fix}
	if !slices.Contains(a.findings, f) {
		a.findings = append(a.findings, f)
	}
}

func (a *attacker) unproved(attack, control, why string) {
	a.cell(attack, NotProved, control, why)
	f := Finding{
		Rule: ruleUnproved, Severity: Error, Table: shownName(a.t.rel), Object: attack,
		Message: attack + " is not proved: " + why, Fix: "give rows by --seed, or say how a tenant is entered by --enter",
	}
	a.findings = append(a.findings, f)
}

// digest is a fingerprint of the rows of a table that are not the tenant's, as
// the administrator sees them.
func (w *world) digest(ctx context.Context, s *session, t *table, me *tenant) (string, error) {
	rows, err := s.query(ctx, fmt.Sprintf(
		"select count(*)::text || ' ' || coalesce(md5(string_agg(h, '' order by h)), '') from (select md5(t::text) h from only %s t where %s is distinct from %s) x",
		t.name(), t.owner, quoteText(me.id)))
	if err != nil {
		return "", err
	}
	return rows[0][0], nil
}

// readBaselines takes the fingerprints that no attack may change.
func (w *world) readBaselines(ctx context.Context, s *session) error {
	for _, t := range w.byOID {
		if t.class == shared || t.rel.Kind != catalog.Table {
			continue
		}
		d, err := w.digest(ctx, s, t, w.tenants[0])
		if err != nil {
			return fmt.Errorf("take a fingerprint of %s: %w", shownName(t.rel), err)
		}
		t.baseline[0] = d
	}
	return nil
}

// written returns the tables that were written since the last call, by the
// server's own count of the transaction.
func (a *attacker) written(ctx context.Context) ([]*table, error) {
	rows, err := a.query(ctx, `select o::text, pg_catalog.pg_stat_get_xact_tuples_inserted(o)::text || ' ' || pg_catalog.pg_stat_get_xact_tuples_updated(o)::text || ' ' || pg_catalog.pg_stat_get_xact_tuples_deleted(o)::text
from unnest(`+quoteText(a.w.tableList)+`::oid[]) o`)
	if err != nil {
		return nil, err
	}
	if a.counters == nil {
		a.counters = map[catalog.OID]string{}
	}
	var out []*table
	for _, r := range rows {
		t := a.w.byText[r[0]]
		if before, ok := a.counters[t.rel.OID]; ok && before != r[1] || !ok && r[1] != "0 0 0" {
			out = append(out, t)
		}
		a.counters[t.rel.OID] = r[1]
	}
	return out, nil
}

// changed returns the tables whose rows of other tenants are no longer as they
// were. It goes back to the administrator's role to look.
func (a *attacker) changed(ctx context.Context) ([]*table, error) {
	if err := a.admin(ctx); err != nil {
		return nil, err
	}
	tables, err := a.written(ctx)
	if err != nil {
		return nil, err
	}
	var out []*table
	for _, t := range tables {
		if t.class == shared || t.rel.Kind != catalog.Table {
			continue
		}
		d, err := a.w.digest(ctx, a.session, t, a.me)
		if err != nil {
			return nil, err
		}
		if d != t.baseline[0] {
			out = append(out, t)
		}
	}
	return out, nil
}

// A result is what came of a write.
type result struct {
	outcome
	changed []*table // whose foreign rows it changed
}

// write runs a writing statement as the application inside a tenant, looks at
// what it changed, and undoes it.
func (a *attacker) write(ctx context.Context, sql string) (result, error) {
	return a.writeWith(ctx, sql, false)
}

// writeWith is write, optionally with triggers and foreign keys off, so that
// only privileges and policies answer.
func (a *attacker) writeWith(ctx context.Context, sql string, triggersOff bool) (result, error) {
	var r result
	err := a.scope(ctx, func() error {
		if triggersOff {
			if err := a.must(ctx, "set local session_replication_role = replica"); err != nil {
				return err
			}
		}
		if _, err := a.written(ctx); err != nil {
			return err
		}
		return a.as(ctx, a.me, func() error {
			var err error
			if r.outcome, err = a.run(ctx, sql); err != nil || r.err != nil {
				return err
			}
			if r.changed, err = a.changed(ctx); err != nil {
				return err
			}
			return nil
		})
	})
	return r, err
}

func (r result) changedNames() string {
	names := make([]string, len(r.changed))
	for i, t := range r.changed {
		names[i] = shownName(t.rel)
	}
	return strings.Join(names, ", ")
}
