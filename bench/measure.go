package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"time"

	"github.com/watertight-go/watertight/bench/internal/delay"
	"github.com/watertight-go/watertight/bench/internal/figures"
	"github.com/watertight-go/watertight/bench/internal/ways"
)

// A cell is one way in one situation.
type cell struct {
	Operation  string        `json:"operation"`
	RoundTrip  time.Duration `json:"round_trip_ns"`
	Goroutines int           `json:"goroutines"`
	Way        string        `json:"way"`

	// Nanoseconds for one operation of one goroutine, round by round. The rounds
	// of the ways of one situation were taken side by side.
	Nanoseconds []float64 `json:"nanoseconds"`

	// CPU time of this process and of the way's backends for one operation, and
	// allocations of this process. Only without an emulated network, whose work
	// would be counted in; zero if not known.
	Client []float64 `json:"client_cpu_ns,omitempty"`
	Server []float64 `json:"server_cpu_ns,omitempty"`
	Allocs []float64 `json:"allocs,omitempty"`
}

// results are all that a run found out.
type results struct {
	Machine figures.Machine `json:"machine"`
	Tenants int             `json:"tenants"`
	Rows    int             `json:"rows_per_tenant"`
	Rounds  int             `json:"rounds"`
	Slice   time.Duration   `json:"slice_ns"`

	// Measured is the time of an empty round trip, as it came out.
	Measured map[time.Duration]time.Duration `json:"measured_round_trips_ns"`
	Cells    []*cell                         `json:"cells"`

	settings settings
}

// turn is one way's share of a situation.
type turn struct {
	kind ways.Kind
	work []func(context.Context) error // one for each goroutine
	pids []uint32
	cell *cell
}

// bench measures; it holds what does not change between situations.
type bench struct {
	settings
	world *ways.World
	out   *results
	log   io.Writer
	begun time.Time
	seeds uint64
}

func measure(ctx context.Context, s settings, w *ways.World, log io.Writer) (*results, error) {
	version, err := w.Version(ctx)
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, world: w, log: log, begun: time.Now(), out: &results{
		Machine: figures.ThisMachine(version), Tenants: s.tenants, Rows: s.rows, Rounds: s.rounds, Slice: s.slice,
		Measured: map[time.Duration]time.Duration{}, settings: s,
	}}
	for _, roundTrip := range s.roundTrips {
		if err := b.across(ctx, roundTrip); err != nil {
			return nil, err
		}
	}
	return b.out, nil
}

// across measures everything over one network.
func (b *bench) across(ctx context.Context, roundTrip time.Duration) error {
	at, err := b.world.Direct()
	if err != nil {
		return err
	}
	if roundTrip > 0 {
		proxy, err := b.network(ctx, at, roundTrip)
		if err != nil {
			return err
		}
		defer proxy.Close()
		at = ways.AddressOf(proxy.Addr())
	}
	if b.out.Measured[roundTrip], err = b.world.Ping(ctx, at); err != nil {
		return err
	}
	fmt.Fprintf(b.log, "%s: an empty round trip takes %v\n", networkName(roundTrip), b.out.Measured[roundTrip].Round(time.Microsecond))
	open := map[string]ways.Way{}
	defer func() {
		for _, way := range open {
			way.Close()
		}
	}()
	for _, k := range b.kinds {
		if open[k.Name], err = b.world.Open(ctx, k, at, slices.Max(b.goroutines)); err != nil {
			delete(open, k.Name)
			return err
		}
	}
	for _, o := range b.operations {
		for _, n := range b.goroutines {
			if o.Rows > 0 && n != b.goroutines[0] {
				continue // many rows at once are one goroutine's work
			}
			if err := b.situation(ctx, open, o, roundTrip, n); err != nil {
				return fmt.Errorf("%s, %s, %d goroutines: %w", o.Name, networkName(roundTrip), n, err)
			}
		}
	}
	return nil
}

// network starts the proxy with a delay that makes an empty round trip longer
// by what was asked for: what the proxy takes by itself is part of that.
func (b *bench) network(ctx context.Context, at ways.Address, roundTrip time.Duration) (*delay.Proxy, error) {
	server := net.JoinHostPort(at.Host, at.Port)
	without, err := b.world.Ping(ctx, at)
	if err != nil {
		return nil, err
	}
	proxy, err := delay.Listen(ctx, "tcp", server, roundTrip)
	if err != nil {
		return nil, err
	}
	with, err := b.world.Ping(ctx, ways.AddressOf(proxy.Addr()))
	if closed := proxy.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	excess := with - without - roundTrip
	return delay.Listen(ctx, "tcp", server, max(roundTrip-excess, roundTrip/2))
}

// situation measures every way with one operation, side by side.
func (b *bench) situation(ctx context.Context, open map[string]ways.Way, o ways.Operation, roundTrip time.Duration, goroutines int) error {
	if err := b.world.Settle(ctx); err != nil {
		return err
	}
	var turns []*turn
	for _, k := range b.kinds {
		if !k.Measures(o) {
			continue
		}
		t := &turn{kind: k, cell: &cell{Operation: o.Name, RoundTrip: roundTrip, Goroutines: goroutines, Way: k.Name}}
		for range goroutines {
			b.seeds++
			t.work = append(t.work, o.Worker(b.world, k, open[k.Name], b.seeds))
		}
		turns = append(turns, t)
		b.out.Cells = append(b.out.Cells, t.cell)
	}
	for _, t := range turns {
		if err := b.warm(ctx, o, t); err != nil {
			return fmt.Errorf("%s: %w", t.kind.Name, err)
		}
	}
	rounds := b.rounds
	if o.Rows > 10_000 {
		rounds = min(rounds, 7)
	}
	for range rounds {
		// In another order each time: what a turn leaves behind falls on all.
		rand.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		for _, t := range turns {
			if err := b.take(ctx, t, roundTrip == 0); err != nil {
				return fmt.Errorf("%s: %w", t.kind.Name, err)
			}
		}
	}
	fmt.Fprintf(b.log, "%6s  %-11s %-8s %2d goroutines\n", time.Since(b.begun).Round(time.Second), o.Name, networkName(roundTrip), goroutines)
	return nil
}

// warm runs the operation until every connection has prepared its statements
// and Postgres has settled on a plan, which it does at the sixth execution.
func (b *bench) warm(ctx context.Context, o ways.Operation, t *turn) error {
	times := 8
	if o.Rows > 0 {
		times = 1
	}
	if _, _, err := figures.Together(ctx, t.work, func(done int, _ time.Duration) bool { return done < times }); err != nil {
		return err
	}
	var err error
	t.pids, err = b.world.Backends(ctx, t.kind)
	return err
}

// take is one turn in one round.
func (b *bench) take(ctx context.Context, t *turn, alone bool) error {
	runtime.GC() // this turn is not to sweep up after the one before
	before, err := look(t.pids)
	if err != nil {
		return err
	}
	ops, took, err := figures.Together(ctx, t.work, func(_ int, since time.Duration) bool { return since < b.slice })
	if err != nil {
		return err
	}
	n := float64(ops)
	t.cell.Nanoseconds = append(t.cell.Nanoseconds, float64(took)*float64(len(t.work))/n)
	if !alone {
		return nil
	}
	after, err := look(t.pids)
	if err != nil {
		return err
	}
	t.cell.Client = append(t.cell.Client, float64(after.client-before.client)/n)
	t.cell.Server = append(t.cell.Server, float64(after.server-before.server)/n)
	t.cell.Allocs = append(t.cell.Allocs, float64(after.allocs-before.allocs)/n)
	return nil
}

// usage is what was used up to a moment.
type usage struct {
	client, server time.Duration
	allocs         uint64
}

// look leaves out what this system does not tell of other processes.
func look(pids []uint32) (u usage, err error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.allocs = m.Mallocs
	if u.client, err = figures.Client(); err == nil {
		u.server, err = figures.Server(pids)
	}
	if errors.Is(err, figures.ErrUnknown) {
		err = nil
	}
	return u, err
}

func networkName(roundTrip time.Duration) string {
	if roundTrip == 0 {
		return "loopback"
	}
	return fmt.Sprintf("%g ms", float64(roundTrip)/float64(time.Millisecond))
}
