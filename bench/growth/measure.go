package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"runtime"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/bench/internal/figures"
	"github.com/watertight-go/watertight/bench/internal/plans"
	"github.com/watertight-go/watertight/tenancy"
)

// A cell is one operation on one table of one step.
type cell struct {
	Step      step   `json:"step"`
	Table     string `json:"table"`
	Operation string `json:"operation"`
	Raw       bool   `json:"raw,omitempty"` // the floor, not the library

	// Nanoseconds of one operation, round by round; the rounds of one operation
	// were taken side by side. CPU is that of client and backends.
	Nanoseconds []float64 `json:"nanoseconds"`
	CPU         []float64 `json:"cpu_ns"`
}

// results are all that a run found out.
type results struct {
	Machine figures.Machine `json:"machine"`
	Left    []string        `json:"left_out,omitempty"`
	Cells   []*cell         `json:"cells"`
	Plans   []planned       `json:"plans"`
	Memory  []memory        `json:"memory"`

	settings settings
}

// planned is what EXPLAIN said about an operation in one mode.
type planned struct {
	Step      step     `json:"step"`
	Table     string   `json:"table"`
	Operation string   `json:"operation"`
	Mode      string   `json:"mode"`
	Whole     []string `json:"whole_tables,omitempty"` // that are read from one end to the other
	Sorts     bool     `json:"sorts,omitempty"`        // a list whose order comes from no index
}

func (r *results) measure(ctx context.Context, places []*place, log io.Writer) error {
	var version string
	err := places[0].admin.QueryRow(ctx, "select split_part(current_setting('server_version'), ' ', 1)").Scan(&version)
	if err != nil {
		return err
	}
	r.Machine = figures.ThisMachine(version)
	for _, op := range operations {
		if err := r.operation(ctx, places, op.name, op.reads, op.run); err != nil {
			return fmt.Errorf("%s: %w", op.name, err)
		}
		fmt.Fprintf(log, "measured %s\n", op.name)
	}
	for _, p := range places {
		if err := r.explain(ctx, p); err != nil {
			return err
		}
	}
	return r.memory(ctx, places, log)
}

type runner func(ctx context.Context, p *place, c handles, table string, r *rand.Rand) error

// operation measures one operation in all steps side by side, in the order in
// which the page has them.
func (r *results) operation(ctx context.Context, places []*place, name string, reads bool, run runner) error {
	var turns []*turn
	add := func(p *place, t *turn, with string, c handles) error {
		t.cell.Step, t.cell.Operation = p.step, name
		random := rand.New(rand.NewPCG(uint64(len(turns)), 1))
		t.work = []func(context.Context) error{func(ctx context.Context) error { return run(ctx, p, c, t.cell.Table, random) }}
		// Until the plan has settled, and what is asked often is in memory.
		if _, _, err := figures.Together(ctx, t.work, func(_ int, since time.Duration) bool { return since < 2*r.settings.slice }); err != nil {
			return fmt.Errorf("%s, table %s: %w", p.step, t.cell.Table, err)
		}
		var err error
		t.pids, err = p.backends(ctx, with)
		turns = append(turns, t)
		r.Cells = append(r.Cells, t.cell)
		return err
	}
	for _, p := range places {
		for _, table := range p.tables() {
			ours := func(k int) statements { return p.handle(ctx, p.db, k) }
			if err := add(p, &turn{cell: &cell{Table: table}}, application, ours); err != nil {
				return err
			}
		}
		if reads {
			raw := func(int) statements { return p.raw }
			if err := add(p, &turn{cell: &cell{Table: "items", Raw: true}}, applicationRaw, raw); err != nil {
				return err
			}
		}
	}
	for range r.settings.rounds {
		rand.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		for _, t := range turns {
			if err := t.take(ctx, r.settings.slice); err != nil {
				return err
			}
		}
	}
	return nil
}

type turn struct {
	cell *cell
	work []func(context.Context) error
	pids []uint32
}

func (t *turn) take(ctx context.Context, slice time.Duration) error {
	runtime.GC()
	before := t.used()
	n, took, err := figures.Together(ctx, t.work, func(_ int, since time.Duration) bool { return since < slice })
	if err != nil {
		return err
	}
	t.cell.Nanoseconds = append(t.cell.Nanoseconds, float64(took)/float64(n))
	t.cell.CPU = append(t.cell.CPU, float64(t.used()-before)/float64(n))
	return nil
}

// used is the CPU time of both sides, as far as this system tells.
func (t *turn) used() time.Duration {
	client, err := figures.Client()
	server, failed := figures.Server(t.pids)
	if err != nil || failed != nil {
		return 0
	}
	return client + server
}

// handle is of the tenant number k.
func (p *place) handle(ctx context.Context, db *tenancy.DB, k int) *tenancy.Conn {
	scope, err := db.Admit(ctx, actor, p.tenants[k])
	if err != nil {
		return nil // whose zero value refuses everything
	}
	return db.For(scope)
}

func (p *place) backends(ctx context.Context, name string) ([]uint32, error) {
	rows, err := p.admin.Query(ctx, "select pid from pg_stat_activity where application_name = $1 and datname = $2", name, p.data.Name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uint32])
}

// explain asks for the plans of every operation, for the largest tenant and for
// any.
func (r *results) explain(ctx context.Context, p *place) error {
	value := func(typeName string) string {
		switch typeName {
		case "uuid":
			return "'" + p.tenants[0].String() + "'"
		case "text":
			return "'a new one'"
		case "timestamp with time zone":
			return "'2026-02-01'"
		}
		return "1"
	}
	for _, mode := range plans.Modes {
		conn, err := plans.Connect(ctx, p.appURL, mode)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		for _, table := range p.tables() {
			for name, sql := range map[string]string{"point": pointSQL, "list50": listSQL, "insert": insertSQL} {
				plan, err := plans.Of(ctx, conn, fmt.Sprintf(sql, table), value)
				if err != nil {
					return fmt.Errorf("explain %s: %w", name, err)
				}
				r.Plans = append(r.Plans, planned{p.step, table, name, mode, plan.WholeTables(), plan.Sorts()})
			}
		}
	}
	return nil
}

// memory is what a pool and its backends hold after so many tenants.
type memory struct {
	Tenants     int   `json:"tenants"`
	Connections int   `json:"connections"`
	Client      int64 `json:"client_heap_bytes"`
	Backends    int64 `json:"backends_bytes"`
}

// memory lets one pool serve ever more tenants.
func (r *results) memory(ctx context.Context, places []*place, log io.Writer) error {
	p := places[len(places)-1]
	for _, other := range places {
		if other.step.Tenants >= r.settings.visited {
			p = other // the smallest that has so many
			break
		}
	}
	const name = application + ".memory"
	db, err := p.open(ctx, poolSize, name)
	if err != nil {
		return err
	}
	defer db.Close()
	done := 0
	for _, upTo := range []int{min(100, r.settings.visited), r.settings.visited} {
		upTo = min(upTo, len(p.tenants))
		if err := p.visit(ctx, db, done, upTo); err != nil {
			return err
		}
		done = upTo
		pids, err := p.backends(ctx, name)
		if err != nil {
			return err
		}
		held, err := figures.Resident(pids)
		if err != nil {
			fmt.Fprintf(log, "no figures of memory: %v\n", err)
			return nil
		}
		r.Memory = append(r.Memory, memory{Tenants: done, Connections: len(pids), Client: heap(), Backends: held})
	}
	return nil
}

// visit reads, lists and inserts in each tenant, on all connections.
func (p *place) visit(ctx context.Context, db *tenancy.DB, from, to int) error {
	var (
		next = make(chan int)
		errs = make([]error, poolSize)
		all  sync.WaitGroup
	)
	for i := range errs {
		all.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(i)))
			for k := range next {
				// One tenant's part of the place.
				only := &place{tenants: p.tenants[k : k+1], sizes: p.sizes[k : k+1], upTo: p.sizes[k : k+1], fresh: p.fresh[k : k+1]}
				for _, op := range operations {
					err := op.run(ctx, only, func(int) statements { return p.handle(ctx, db, k) }, "items", random)
					errs[i] = errors.Join(errs[i], err)
				}
			}
		})
	}
	for k := from; k < to; k++ {
		next <- k
	}
	close(next)
	all.Wait()
	return errors.Join(errs...)
}

// heap is what this process holds once it is swept.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func withParameter(address, name, value string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("a database URL cannot be read (write postgres://user@host:5432/database)")
	}
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = query.Encode()
	return u.String(), nil
}
