// Command growth sees whether a statement of one tenant stays as quick when
// tenants and rows become many.
//
//	go run ./bench/growth -out docs/performance
//
// It starts a server of its own on disk, fills one database for each step, and
// measures all of them side by side, so that what disturbs the machine disturbs
// each step alike. Tenants are of very different sizes, as they are in life.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(os.Stderr, "growth: error: %v\n", err)
		}
		stop()
		os.Exit(2)
	}
}

// serverSettings are those of a small server for such data on a solid disk, and
// no vacuum of its own choosing in the middle of a measurement.
var serverSettings = []string{
	"max_connections=300", "shared_buffers=2GB", "autovacuum=off", "checkpoint_timeout=1h", "max_wal_size=4GB",
	"maintenance_work_mem=1GB", "random_page_cost=1.1",
}

// settings are what the flags say.
type settings struct {
	tenants       []int
	rows          []int // of the whole table; the first with every number of tenants
	partitions    int
	partitionedTo int
	visited       int
	rounds        int
	slice         time.Duration
	budget        time.Duration
	out           string
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("growth", flag.ContinueOnError)
	flags.SetOutput(stderr)
	tenants := flags.String("tenants", "10,1000,100000", "`numbers` of tenants, each with the first number of rows")
	rows := flags.String("rows", "1000000,10000000,50000000", "`numbers` of rows, each with the last number of tenants")
	flags.IntVar(&s.partitions, "partitions", 32, "`number` of hash partitions of the table that has some")
	flags.IntVar(&s.partitionedTo, "partitioned-to", 10_000_000, "the most `rows` that are put into partitions as well")
	flags.IntVar(&s.visited, "visited", 10_000, "the `number` of tenants that one pool serves when its memory is measured")
	flags.IntVar(&s.rounds, "rounds", 15, "`rounds`, in each of which every step has its turn")
	flags.DurationVar(&s.slice, "slice", 300*time.Millisecond, "how `long` a turn is")
	flags.DurationVar(&s.budget, "budget", 10*time.Minute, "how `long` filling may take; steps that do not fit are left out, and said so")
	flags.StringVar(&s.out, "out", "", "the `folder` to write growth.md and its raw figures to (default: the page to standard output)")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	var err, errRows error
	s.tenants, err = numbers(*tenants)
	s.rows, errRows = numbers(*rows)
	if err = errors.Join(err, errRows); err != nil {
		return s, err
	}
	if s.rounds < 1 || s.slice <= 0 || s.partitions < 2 || s.visited < 1 {
		return s, errors.New("no rounds, no time, one partition or no tenant measure nothing (leave the flag out)")
	}
	if s.rows[0] < slices.Max(s.tenants) {
		return s, fmt.Errorf("%d tenants do not fit into %d rows (give each at least one)", slices.Max(s.tenants), s.rows[0])
	}
	return s, nil
}

func numbers(list string) ([]int, error) {
	var found []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of tenants or rows (write 1000000)", text)
		}
		found = append(found, n)
	}
	if !slices.IsSorted(found) {
		return nil, fmt.Errorf("%s does not grow (write the smaller number first)", list)
	}
	return found, nil
}

// steps are what is to be filled, smallest first.
func (s settings) steps() []step {
	var list []step
	for _, n := range s.tenants {
		list = append(list, step{Tenants: n, Rows: s.rows[0]})
	}
	for _, n := range s.rows[1:] {
		list = append(list, step{Tenants: s.tenants[len(s.tenants)-1], Rows: n})
	}
	for i := range list {
		if list[i].Tenants == s.tenants[len(s.tenants)-1] && list[i].Rows <= s.partitionedTo {
			list[i].Partitions = s.partitions
		}
	}
	return list
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	server, err := pgtest.Start(ctx, pgtest.Config{Settings: serverSettings, OnDisk: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	r := &results{settings: s}
	places, err := fillAll(ctx, server, s, r, stderr)
	defer func() {
		for _, p := range places {
			p.close()
		}
	}()
	if err != nil {
		return err
	}
	if err := r.measure(ctx, places, stderr); err != nil {
		return err
	}
	if s.out == "" {
		return r.markdown(stdout)
	}
	return r.write(s.out)
}

// fillAll makes the steps as long as there is time: what the last one took for
// each row says whether the next one fits.
func fillAll(ctx context.Context, server *pgtest.Server, s settings, r *results, log io.Writer) ([]*place, error) {
	begun := time.Now()
	var (
		places []*place
		each   time.Duration // for one row, of the last step
	)
	for _, step := range s.steps() {
		left := s.budget - time.Since(begun)
		if expected := each * time.Duration(step.inAll()); expected > left {
			r.Left = append(r.Left, fmt.Sprintf("%s (it would have taken %v)", step, expected.Round(time.Minute)))
			fmt.Fprintf(log, "leaving out %s: it would take %v, and %v are left\n", step, expected.Round(time.Second), left.Round(time.Second))
			continue
		}
		start := time.Now()
		p, err := newPlace(ctx, server, step)
		if p != nil {
			places = append(places, p)
		}
		if err != nil {
			return places, fmt.Errorf("fill %s: %w", step, err)
		}
		each = time.Since(start) / time.Duration(step.inAll())
		fmt.Fprintf(log, "filled %s in %v\n", step, time.Since(start).Round(time.Second))
	}
	if len(places) == 0 {
		return nil, errors.New("no step fits into the budget (give a longer one)")
	}
	return places, nil
}
