//go:build unix

package faults

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A sample is what the application and its sessions take at one moment.
type sample struct {
	heap       float64 // of this process after a collection, MB
	goroutines float64
	pool       float64   // connections
	sessions   float64   // on the server
	backends   []float64 // private memory of each of them, MB; none where there is no /proc
}

const mb = 1 << 20

// sampled takes samples until the function that it returns is called.
func (s *soak) sampled(t testing.TB) (end func()) {
	every := 250 * time.Millisecond
	if !s.deadline.IsZero() {
		every = 5 * time.Second
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.Tick(every); ; {
			select {
			case <-done:
				return
			case <-tick:
				if now, ok := s.measure(t.Context()); ok {
					s.samples = append(s.samples, now)
				}
			}
		}
	}()
	return func() { close(done); <-ended }
}

// measure returns nothing while the server cannot be asked.
func (s *soak) measure(ctx context.Context) (now sample, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	rows, err := s.admin.Query(ctx, "select pid from pg_stat_activity where "+ofTheApp)
	if err != nil {
		return now, false
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return now, false
	}
	for _, pid := range pids {
		if n, ok := privateMemory(pid); ok {
			now.backends = append(now.backends, n)
		}
	}
	now.sessions, now.pool = float64(len(pids)), float64(s.db.Stat().TotalConns())
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	now.heap, now.goroutines = float64(m.HeapAlloc)/mb, float64(runtime.NumGoroutine())
	return now, true
}

var anonymous = regexp.MustCompile(`(?m)^RssAnon:\s+(\d+) kB$`)

// privateMemory leaves out what backends share: that grows until each has seen
// all of it.
func privateMemory(pid int) (float64, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	m := anonymous.FindSubmatch(text)
	if m == nil {
		return 0, false
	}
	kb, err := strconv.ParseFloat(string(m[1]), 64)
	return kb * 1024 / mb, err == nil
}

// A trend compares the second half of a run with the first.
type trend struct {
	what          string
	first, second float64 // medians of the halves
	most          float64
	slack         float64 // what the second may be above the first, beside a tenth
	limit         float64 // that no sample may exceed; zero for none
	samples       int
}

// flat reports whether nothing grows: something that leaks with every operation
// has as much again in the second half.
func (tr trend) flat() bool {
	return tr.second <= tr.bound() && (tr.limit == 0 || tr.most <= tr.limit)
}

func (tr trend) bound() float64 { return tr.first*1.1 + tr.slack }

func (tr trend) String() string {
	return fmt.Sprintf("%s: %.1f in the first half, %.1f in the second, %.1f at most", tr.what, tr.first, tr.second, tr.most)
}

func trendOf(what string, slack, limit float64, values []float64) trend {
	half := len(values) / 2
	return trend{what, median(values[:half]), median(values[half:]), slices.Max(values), slack, limit, len(values)}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// fewest samples of which halves mean something.
const fewest = 8

// trends are what has to be flat. Of what was hardly sampled there is none.
func (s *soak) trends() (list []trend) {
	for _, d := range []struct {
		what         string
		slack, limit float64
		of           func(sample) []float64
	}{
		{"heap of the application after a collection, MB", 3, 0, func(n sample) []float64 { return []float64{n.heap} }},
		{"goroutines", 20, 0, func(n sample) []float64 { return []float64{n.goroutines} }},
		{"connections of the pool", soakConns / 2, soakConns, func(n sample) []float64 { return []float64{n.pool} }},
		{"sessions on the server", soakConns / 2, 0, func(n sample) []float64 { return []float64{n.sessions} }},
		{"private memory of a session, MB", 2, 0, func(n sample) []float64 { return n.backends }},
	} {
		var values []float64
		for _, n := range s.samples {
			values = append(values, d.of(n)...)
		}
		if len(values) >= fewest {
			list = append(list, trendOf(d.what, d.slack, d.limit, values))
		}
	}
	return list
}
