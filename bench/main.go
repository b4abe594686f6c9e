// Command bench compares Watertight with what a team would write itself, and
// with raw pgx on a table without row-level security, side by side in one run.
//
//	go run ./bench -quick                  a glance, two minutes
//	go run ./bench -ops point -rtt 2ms     a part
//	go run ./bench -out docs/performance   everything, and write it down
//
// It starts a server of its own, or takes the one of DATABASE_URL. Only the
// ratios within one run mean anything.
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

	"github.com/watertight-go/watertight/bench/internal/ways"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		}
		stop()
		os.Exit(2)
	}
}

// settings are what the flags say.
type settings struct {
	kinds      []ways.Kind
	operations []ways.Operation
	roundTrips []time.Duration
	goroutines []int

	rounds        int
	slice         time.Duration // how long one way is measured in a round
	tenants, rows int
	out           string
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	way := flags.String("run", "", "the `ways` to compare with the floor, by name, separated by commas (default all)")
	ops := flags.String("ops", "", "the `operations`, by name, separated by commas (default all)")
	rtt := flags.String("rtt", "0,500us,2ms", "emulated round `trips`, 0 for the loopback address itself")
	goroutines := flags.String("goroutines", "1,8,32", "`numbers` of goroutines at a time")
	flags.IntVar(&s.rounds, "rounds", 15, "`rounds`, in each of which every way has its turn")
	flags.DurationVar(&s.slice, "slice", 200*time.Millisecond, "how `long` a turn is")
	flags.IntVar(&s.tenants, "tenants", 16, "`number` of tenants")
	flags.IntVar(&s.rows, "rows", 2000, "`rows` of each tenant")
	flags.StringVar(&s.out, "out", "", "the `folder` to write comparison.md, its plots and the raw figures to (default: the table to standard output)")
	quick := flags.Bool("quick", false, "a glance: fewer rounds, shorter turns, and no 100,000 rows")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("%q is no flag (go run ./bench -help)", flags.Arg(0))
	}
	if *quick {
		s.rounds, s.slice = min(s.rounds, 3), min(s.slice, 50*time.Millisecond)
		if *ops == "" {
			*ops = "point,list50,insert,update,upsert,tx5,batch5,bulk1000"
		}
	}
	return s, errors.Join(s.chooseWays(*way), s.chooseOperations(*ops), s.chooseRoundTrips(*rtt), s.chooseGoroutines(*goroutines), s.check())
}

func (s *settings) check() error {
	if s.rounds < 1 || s.slice <= 0 {
		return errors.New("no rounds or no time measure nothing (give -rounds 1 and -slice 50ms or more)")
	}
	return nil
}

// chooseWays keeps the floor always: the others are compared with it.
func (s *settings) chooseWays(names string) error {
	all := ways.Kinds()
	chosen, err := choose(names, all, func(k ways.Kind) string { return k.Name })
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.Name == all[0].Name || slices.ContainsFunc(chosen, func(c ways.Kind) bool { return c.Name == k.Name }) {
			s.kinds = append(s.kinds, k)
		}
	}
	return nil
}

func (s *settings) chooseOperations(names string) (err error) {
	s.operations, err = choose(names, ways.Operations(), func(o ways.Operation) string { return o.Name })
	return err
}

func choose[T any](names string, all []T, name func(T) string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	var chosen []T
	for wanted := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(item T) bool { return name(item) == wanted })
		if i < 0 {
			var known []string
			for _, item := range all {
				known = append(known, name(item))
			}
			return nil, fmt.Errorf("%q is not known (take some of %s)", wanted, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (s *settings) chooseRoundTrips(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is no round trip (write 0, 500us or 2ms)", text)
		}
		s.roundTrips = append(s.roundTrips, d)
	}
	return nil
}

func (s *settings) chooseGoroutines(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 40 {
			return fmt.Errorf("%q is no number of goroutines (1 to 40: each way has as many connections)", text)
		}
		s.goroutines = append(s.goroutines, n)
	}
	return nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stderr, "starting a server and filling it")
	server, err := pgtest.Start(ctx, pgtest.Config{Settings: ways.Settings})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	world, err := ways.NewWorld(ctx, server, s.tenants, s.rows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close(context.WithoutCancel(ctx))) }()
	r, err := measure(ctx, s, world, stderr)
	if err != nil {
		return err
	}
	if s.out == "" {
		return r.markdown(stdout)
	}
	return r.write(s.out)
}
