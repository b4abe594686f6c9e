package leaktest

import (
	"context"
	"fmt"

	"github.com/watertight-go/watertight/internal/catalog"
)

// mutant changes what is attacked, attacks it again, and undoes the change. The
// rows that were made stay the same, and so does everything that others see: it
// all happens in one transaction. Only the named tables are attacked, all if
// there are none; views and functions always are.
func (w *world) mutant(ctx context.Context, s *session, ddl string, only map[catalog.OID]bool) (Report, error) {
	var report Report
	defer func(before *world) { s.w = before }(s.w)
	err := s.scope(ctx, func() error {
		if err := s.plant(ctx, ddl); err != nil {
			return err
		}
		m, err := discover(ctx, w.cfg, w.target, s)
		if err != nil {
			return err
		}
		m.adopt(w, s, only)
		if err := m.reload(ctx, s, w); err != nil {
			return err
		}
		if err := m.refreshViews(ctx, s); err != nil {
			return err
		}
		if err := m.attackAll(ctx, s, &report); err != nil {
			return err
		}
		m.describeRun(&report)
		return nil
	})
	return report, err
}

// plant runs DDL with event triggers off: a guard that refuses the change is
// one lock, and what is tested here is another.
func (s *session) plant(ctx context.Context, ddl string) error {
	if s.w.super {
		if err := s.must(ctx, "set local session_replication_role = replica"); err != nil {
			return err
		}
	}
	for _, sql := range splitStatements(ddl) {
		if err := s.must(ctx, sql); err != nil {
			return fmt.Errorf("plant a leak: %w", err)
		}
	}
	if s.w.super {
		return s.must(ctx, "set local session_replication_role = origin")
	}
	return nil
}

// adopt takes over the tenants and rows of the world before the change.
func (w *world) adopt(from *world, s *session, only map[catalog.OID]bool) {
	w.shared, w.only = s, only
	w.tenants, w.spare, w.context.signer = from.tenants, from.spare, from.context.signer
	w.cfg.Progress = nil
	for oid, t := range w.byOID {
		if old := from.byOID[oid]; old != nil {
			t.rows, t.seedErr = old.rows, old.seedErr
		}
	}
	w.listTables()
}

// reload reads the rows of tables that have other columns now, or are new.
func (w *world) reload(ctx context.Context, s *session, from *world) error {
	for oid, t := range w.byOID {
		if t.class == shared || !t.rel.IsTable() {
			continue
		}
		old := from.byOID[oid]
		if old == nil && w.only != nil {
			w.only[oid] = true // a new table is attacked as well
		}
		if old != nil && len(old.rel.Columns) == len(t.rel.Columns) {
			continue
		}
		names := columnNames(t.rel)
		rows, err := s.query(ctx, fmt.Sprintf("select t.tableoid::text || t.ctid::text, %s, %s from %s t limit 200", prefixed(names), t.owner, t.name()))
		if err != nil {
			return err
		}
		t.rows = nil
		for _, r := range rows {
			for _, owner := range w.tenants {
				if sameText(r[len(r)-1], owner.id) {
					t.rows = append(t.rows, newRow(owner, names, r[:len(r)-1]))
				}
			}
		}
	}
	return nil
}
