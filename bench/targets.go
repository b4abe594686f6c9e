package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/watertight-go/watertight/bench/internal/figures"
)

// A target is what a ratio to the floor must not exceed.
type target struct {
	operations []string
	way        string
	roundTrip  time.Duration
	goroutines []int
	limit      float64
}

const (
	loopback  = time.Duration(0)
	nearby    = 500 * time.Microsecond
	acrossLAN = 2 * time.Millisecond
)

// targets are fixed before anything is measured, and stay when they are missed.
func targets() []target {
	single, few := []string{"point", "list50", "insert", "update"}, []int{1, 8}
	list := []target{
		{single, "signed", loopback, few, 1.55},
		{single, "signed", nearby, few, 1.14},
		{single, "signed", acrossLAN, few, 1.07},
		{single, "unsigned", loopback, few, 1.35},
		{single, "unsigned", nearby, few, 1.10},
		{single, "unsigned", acrossLAN, few, 1.05},
	}
	for _, roundTrip := range []time.Duration{loopback, nearby, acrossLAN} {
		list = append(list,
			target{[]string{"tx5"}, "signed", roundTrip, few, 1.0},
			target{[]string{"batch5"}, "signed", roundTrip, few, 0.6},
			target{[]string{"bulk100000"}, "signed", roundTrip, []int{1}, 2.0},
		)
	}
	return list
}

// A verdict is a target beside what came out.
type verdict struct {
	operation, way string
	roundTrip      time.Duration
	goroutines     int
	limit          float64
	ratio          figures.Spread
}

// held: the median is within the limit.
func (v verdict) held() bool { return v.ratio.Median <= v.limit }

// String says so, and of a miss whether it is more than the rounds differ by.
func (v verdict) String() string {
	switch {
	case v.held():
		return "held"
	case v.ratio.Low <= v.limit:
		return "**missed**, within the spread"
	}
	return fmt.Sprintf("**missed** by %.2f", v.ratio.Median-v.limit)
}

// verdicts are of all targets that the run measured.
func (r *results) verdicts() ([]verdict, error) {
	var list []verdict
	for _, t := range targets() {
		for _, op := range t.operations {
			for _, n := range t.goroutines {
				c := r.find(op, t.roundTrip, n, t.way)
				if c == nil {
					continue
				}
				ratio, err := r.ratio(c)
				if err != nil {
					return nil, err
				}
				list = append(list, verdict{op, t.way, t.roundTrip, n, t.limit, ratio})
			}
		}
	}
	return list, nil
}

func (r *results) find(op string, roundTrip time.Duration, goroutines int, way string) *cell {
	i := slices.IndexFunc(r.Cells, func(c *cell) bool {
		return c.Operation == op && c.RoundTrip == roundTrip && c.Goroutines == goroutines && c.Way == way
	})
	if i < 0 {
		return nil
	}
	return r.Cells[i]
}

// ratio of a cell to the floor of its situation.
func (r *results) ratio(c *cell) (figures.Spread, error) {
	floor := r.find(c.Operation, c.RoundTrip, c.Goroutines, "raw")
	if floor == nil {
		return figures.Spread{}, fmt.Errorf("%s was measured without the floor", c.Operation)
	}
	ratios, err := figures.Ratios(c.Nanoseconds, floor.Nanoseconds)
	return figures.Of(ratios), err
}
