package leaktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/watertight-go/watertight/internal/catalog"
	"github.com/watertight-go/watertight/tenancy"
)

// Check attacks the database and returns what it did, with every leak and
// everything that could not be proved joined in the error: as [*Leak] and
// [*Unproved]. Any other error says that the run ended early, and then the
// report is of no use.
func Check(ctx context.Context, cfg Config) (report Report, err error) {
	if err := cfg.validate(); err != nil {
		return Report{}, err
	}
	started := time.Now()
	t, err := prepare(ctx, cfg)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, t.drop(ctx)) }()
	if err := attackTarget(ctx, cfg, t, &report); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("the attack was interrupted, so nothing is proved: %w", err)
		}
		return Report{}, err
	}
	report.Started, report.Took = started, time.Since(started)
	sortFindings(report.Findings)
	var errs []error
	for _, f := range report.Findings {
		switch {
		case f.Severity != Error:
		case f.Rule == ruleUnproved:
			errs = append(errs, &Unproved{f})
		default:
			errs = append(errs, &Leak{f})
		}
	}
	return report, errors.Join(errs...)
}

// attackTarget seeds and attacks.
func attackTarget(ctx context.Context, cfg Config, t *target, report *Report) error {
	s, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer closeConn(s.conn)
	w, err := discover(ctx, cfg, t, s)
	if err != nil {
		return err
	}
	if err := w.populate(ctx, s); err != nil {
		return err
	}
	if t.clone == "" {
		w.shared = s
	} else if err := s.keep(ctx); err != nil {
		return err
	}
	if err := w.attackAll(ctx, s, report); err != nil {
		return err
	}
	if cfg.SelfTest {
		if err := w.selfTest(ctx, s, report); err != nil {
			return err
		}
	}
	w.describeRun(report)
	o, err := s.try(ctx, "select system_identifier::text from pg_catalog.pg_control_system()")
	if err == nil && len(o.rows) == 1 {
		report.Identity = o.rows[0][0]
	}
	return err
}

// populate fills the tables and takes the fingerprints.
func (w *world) populate(ctx context.Context, s *session) error {
	if w.context.signer != nil {
		if err := w.addKey(ctx, s); err != nil {
			return err
		}
	}
	if err := w.chooseTenants(ctx, s); err != nil {
		return err
	}
	if err := w.seed(ctx, s); err != nil {
		return err
	}
	if err := w.refreshViews(ctx, s); err != nil {
		return err
	}
	w.listTables()
	return w.context.clear(ctx, s)
}

// addKey gives what is attacked a context key that the suite signs with.
func (w *world) addKey(ctx context.Context, s *session) error {
	key, err := tenancy.NewContextKey()
	if err != nil {
		return err
	}
	w.context.signer.key = key
	secret := key.Secret()
	o, err := s.run(ctx, fmt.Sprintf("select watertight.add_context_key(%s, decode('%x', 'hex'), now() + interval '1 hour')", quoteText(key.ID()), secret[:]))
	if err == nil && o.err != nil {
		err = fmt.Errorf("add a context key: %w", plain(o.err)) // without the statement, which holds the key
	}
	return err
}

// listTables prepares what tells which tables a transaction wrote.
func (w *world) listTables() {
	w.byText = map[string]*table{}
	var list []string
	for oid, t := range w.byOID {
		if t.rel.Kind == catalog.Table {
			w.byText[fmt.Sprint(oid)] = t
			list = append(list, fmt.Sprint(oid))
		}
	}
	slices.Sort(list)
	w.tableList = "{" + strings.Join(list, ",") + "}"
}

// refreshViews fills the materialised views with the rows that were made.
func (w *world) refreshViews(ctx context.Context, s *session) error {
	for _, r := range w.cat.Relations {
		if r.Kind == catalog.MaterializedView && !r.Extension {
			o, err := s.try(ctx, "refresh materialized view "+r.Name())
			if err != nil {
				return err
			}
			if o.err != nil {
				w.notes = append(w.notes, fmt.Sprintf("materialised view %s could not be refreshed: %s", shownName(r), o.err.Message))
			}
		}
	}
	return nil
}

// attackUndisturbed attacks a table beside the other jobs and, if one of them got
// in the way, once more without them: keys and triggers reach into their tables,
// and a deadlock says nothing about tenants.
func (w *world) attackUndisturbed(ctx context.Context, s *session, t *table, alone *sync.RWMutex) ([]Cell, []Finding, error) {
	s.disturbed = false
	alone.RLock()
	cells, found, err := w.attack(ctx, s, t)
	alone.RUnlock()
	if err != nil || !s.disturbed {
		return cells, found, err
	}
	alone.Lock()
	defer alone.Unlock()
	return w.attack(ctx, s, t)
}

// attackAll shares the tables among the jobs.
func (w *world) attackAll(ctx context.Context, s *session, report *Report) error {
	if err := w.readBaselines(ctx, s); err != nil {
		return err
	}
	tables := w.attackable()
	jobs := w.cfg.jobs()
	if w.shared != nil {
		jobs = 1
	}
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		done int
		next = make(chan *table)

		alone sync.RWMutex // held for writing by who must not be disturbed
	)
	for range min(jobs, len(tables)) {
		wg.Go(func() {
			s, err := w.open(ctx)
			if err != nil {
				cancel(err)
				return
			}
			defer s.close()
			for t := range next {
				cells, found, err := w.attackUndisturbed(ctx, s, t, &alone)
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				done++
				report.Cells = append(report.Cells, cells...)
				report.Findings = append(report.Findings, found...)
				if w.cfg.Progress != nil {
					w.cfg.Progress(done, len(tables), "attack "+shownName(t.rel))
				}
				mu.Unlock()
			}
		})
	}
feed:
	for _, t := range tables {
		select {
		case next <- t:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := w.attackSerially(outer, report); err != nil {
		return err
	}
	return w.attackQueries(outer, report)
}

// attackQueries runs the queries in one session: each job would delete the rows
// that another one needs.
func (w *world) attackQueries(ctx context.Context, report *Report) error {
	if len(w.cfg.Queries) == 0 || w.only != nil {
		return nil
	}
	s, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	h := &whole{session: s, report: report}
	return h.attackQueries(ctx, w.cfg.Queries)
}

// describeRun says what was attacked and how.
func (w *world) describeRun(report *Report) {
	report.Database, report.AppRole = w.target.source, w.app.Name
	report.Server = fmt.Sprintf("PostgreSQL %d.%d", w.cat.Version/10000, w.cat.Version%10000)
	report.Where = "in a copy of the database, which was dropped"
	if w.target.clone == "" {
		report.Where = "in the database itself, in transactions that were rolled back; sequences have moved on (" + w.target.inPlace + ")"
	}
	report.Assumed, report.Notes = w.assumed, w.notes
	for _, t := range w.tables {
		report.Rows += len(t.rows)
		if t.class != shared && w.named(t.rel) {
			report.Tables++
		}
	}
	report.Attacks = len(report.Cells)
	slices.SortStableFunc(report.Cells, func(a, b Cell) int { return strings.Compare(a.Kind+a.Object, b.Kind+b.Object) })
}
