//go:build unix

package faults

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

// go test ./faults -run '^TestSoak$' -timeout 0 -soak=30m, or make soak.
var (
	soakFor     = flag.Duration("soak", 0, "how long TestSoak runs; 0 for each fault once")
	soakEvery   = flag.Duration("soak-every", time.Minute, "time from fault to fault of TestSoak, with -soak")
	soakTenants = flag.Int("soak-tenants", 0, "tenants of TestSoak (default 1000, without -soak 120)")
	soakSeed    = flag.Uint64("soak-seed", 0, "seed of TestSoak's faults and operations (default random)")
	soakOut     = flag.String("soak-out", "", "file in which TestSoak writes what it saw, for the documentation")
)

const (
	soakWorkers = 12
	soakConns   = 8
	soakLimit   = 2 * time.Second // of each operation
	// soakStatement is shorter than soakLimit, so that a statement that waits is
	// ended by the server and costs no connection.
	soakStatement = "1000"
	// underFault is how many operations succeed while a fault that lets some
	// through lasts, and after each fault at least.
	underFault = 150
)

// A soak is everything at once for a long time: every kind of operation, of
// many tenants, while something breaks every minute.
type soak struct {
	*client
	proxy    *proxy
	books    []*book // of the tenants, in their order
	seed     uint64
	deadline time.Time // zero for each fault once

	gate    sync.RWMutex // held for reading by whoever is served, by an audit for writing
	stopped atomic.Bool
	workers sync.WaitGroup

	acks, failed        atomic.Int64 // operations
	rows                atomic.Int64 // rows read and found to be the reader's own
	refused             atomic.Int64 // attempts on other tenants' rows that brought nothing
	written, gone       atomic.Int64 // rows of acknowledged writes and deletes
	kinds               []atomic.Int64
	audits, doubts, ran int

	mu       sync.Mutex
	seen     map[string]int            // errors by name
	under    map[string]map[string]int // the same, by fault
	fault    string                    // what is happening, empty if nothing
	times    map[string]int            // faults
	unfelt   int64                     // operations that had failed before the round
	bad      []error                   // leaks, lost writes, and errors without a name: the first of each kind
	findings map[string]int            // how many of each kind

	samples []sample
}

// worldOf is a server of its own with as many tenants.
func worldOf(t testing.TB, tenants int) *world {
	t.Helper()
	w := &world{server: pgtest.NewBreakable(t, pgtest.Config{Settings: []string{"deadlock_timeout=100ms", "autovacuum_naptime=10s"}})}
	w.Database = w.server.NewDatabase(t, pgtest.Config{Setup: []string{tables}})
	w.fill(t, tenants)
	return w
}

// soakIn begins a load in the world.
func soakIn(t testing.TB, w *world, seed uint64) *soak {
	t.Helper()
	p := newProxy(t, withParam(t, w.AppURL, "statement_timeout", soakStatement))
	c := w.open(t, p.url, func(cfg *tenancy.Config) { cfg.MaxConns, cfg.Binding = soakConns, tenancy.BindSession })
	s := &soak{client: c, proxy: p, seed: seed, seen: map[string]int{}, under: map[string]map[string]int{}, times: map[string]int{}, findings: map[string]int{}}
	s.kinds = make([]atomic.Int64, len(operations))
	for _, id := range w.tenants {
		s.books = append(s.books, &book{tenant: id})
	}
	for n := range soakWorkers {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		s.workers.Go(func() {
			for !s.stopped.Load() {
				s.once(r)
			}
		})
	}
	t.Cleanup(s.stop)
	return s
}

func (s *soak) stop() {
	s.stopped.Store(true)
	s.workers.Wait()
}

// The short form, which is every fault once, runs wherever the tests run. It is
// not parallel: what it measures is the whole process.
func TestSoak(t *testing.T) {
	tenants, seed := *soakTenants, *soakSeed
	if tenants == 0 {
		tenants = 120
		if *soakFor > 0 {
			tenants = 1000
		}
	}
	if seed == 0 {
		seed = rand.Uint64()
	}
	if end, ok := t.Deadline(); ok && *soakFor > 0 && time.Until(end) < *soakFor+2*time.Minute {
		t.Fatalf("the tests' time limit ends before %v are over (add -timeout 0)", *soakFor)
	}
	t.Logf("seed %d: -soak-seed=%d has the same faults in the same order", seed, seed)
	s := soakIn(t, worldOf(t, tenants), seed)
	began := time.Now()
	if *soakFor > 0 {
		s.deadline = began.Add(*soakFor)
	}
	s.run(t)
	s.stop()
	s.audit(t)
	trends := s.trends()
	if *soakOut != "" {
		require.NoError(t, os.WriteFile(*soakOut, []byte(s.page(t, time.Since(began), trends)), 0o644))
	}
	t.Log(s.summary(time.Since(began)))
	for _, tr := range trends {
		t.Log(tr)
		require.True(t, tr.flat(), "not flat: %v", tr)
	}
	s.nothingBad(t)
	s.controls(t)
}

// run has one fault after the other, with an audit after each.
func (s *soak) run(t testing.TB) {
	t.Helper()
	defer s.sampled(t)()
	order := rand.New(rand.NewPCG(s.seed, 17))
	s.await(t, underFault)
	for {
		for _, i := range order.Perm(len(soakFaults)) {
			end := time.Now().Add(*soakEvery)
			s.round(t, soakFaults[i])
			if s.deadline.IsZero() {
				continue
			}
			s.serveUntil(t, end)
			if !time.Now().Before(s.deadline) {
				return
			}
		}
		if s.deadline.IsZero() {
			return
		}
	}
}

// round is one fault under load, and the look at what it did.
func (s *soak) round(t testing.TB, f soakFault) {
	t.Helper()
	s.mu.Lock()
	s.fault, s.times[f.name] = f.name, s.times[f.name]+1
	if s.under[f.name] == nil {
		s.under[f.name] = map[string]int{}
	}
	s.mu.Unlock()
	s.ran++
	began := time.Now()
	s.unfelt = s.failed.Load()
	f.strike(t, s)
	s.await(t, underFault)
	s.mu.Lock()
	s.fault = ""
	s.mu.Unlock()
	s.audit(t)
	t.Logf("%-45s %5.1f s, %d operations so far", f.name, time.Since(began).Seconds(), s.acks.Load())
}

// serveUntil lets the tenants work without a fault. Nothing waits for it but
// the length of the run.
func (s *soak) serveUntil(t testing.TB, end time.Time) {
	t.Helper()
	select {
	case <-time.After(time.Until(end)):
	case <-t.Context().Done():
	}
}

// await returns when n more operations have succeeded.
func (s *soak) await(t testing.TB, n int64) {
	t.Helper()
	reach(t, &s.acks, n, "the tenants are not served any more")
}

// awaitFailure returns when a tenant has felt something since the round began: all
// that were at work may have failed before this is called.
func (s *soak) awaitFailure(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool { return s.failed.Load() > s.unfelt }, patience, 5*time.Millisecond, "positive control: the fault was felt")
}

func reach(t testing.TB, count *atomic.Int64, more int64, otherwise string) {
	t.Helper()
	goal := count.Load() + more
	require.Eventually(t, func() bool { return count.Load() >= goal }, patience, 5*time.Millisecond, otherwise)
}

// telling is what differs between two findings of the same kind.
var telling = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+`)

// report keeps the first finding of each kind and counts the others: a leak that
// is there is seen all the time.
func (s *soak) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := telling.ReplaceAllString(err.Error(), "")
	if s.findings[kind]++; s.findings[kind] == 1 {
		s.bad = append(s.bad, err)
	}
}

// found returns what was found, and forgets it.
func (s *soak) found() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.bad
	s.bad, s.findings = nil, map[string]int{}
	return found
}

// alike is how many findings were like this one.
func (s *soak) alike(err error) int { return s.findings[telling.ReplaceAllString(err.Error(), "")] }

func (s *soak) nothingBad(t testing.TB) {
	t.Helper()
	for _, err := range s.bad {
		t.Errorf("%v (%T), the first of %d like it", err, err, s.alike(err))
	}
}

// controls checks that there was something to find.
func (s *soak) controls(t testing.TB) {
	t.Helper()
	for i, o := range operations {
		require.NotZero(t, s.kinds[i].Load(), "positive control: %s succeeded", o.name)
	}
	require.NotZero(t, s.rows.Load(), "positive control: rows were read")
	require.NotZero(t, s.written.Load(), "positive control: writes were acknowledged")
	require.Contains(t, s.seen, "ErrUnavailable", "positive control: something broke")
}

// settled checks that no connection is stuck: none is in use, and the server
// has as many sessions of the application as the pool has connections, all of
// them idle. Then nothing that was sent is still on its way, either.
func (s *soak) settled(t testing.TB) {
	t.Helper()
	var busy, sessions int
	require.Eventually(t, func() bool {
		err := s.admin.QueryRow(t.Context(), `select count(*) filter (where state <> 'idle'), count(*) from pg_stat_activity
			where datname = current_database() and usename like 'w%_app'`).Scan(&busy, &sessions)
		stat := s.db.Stat()
		return err == nil && busy == 0 && stat.AcquiredConns() == 0 && sessions == int(stat.TotalConns())
	}, patience, 10*time.Millisecond, "connections are stuck")
}

// asTenant runs an operation within its limit.
func (s *soak) asTenant(do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), soakLimit)
	defer cancel()
	return do(ctx)
}

func (s *soak) summary(took time.Duration) string {
	return fmt.Sprintf("%v, %d tenants: %d operations, %d failed; %d rows read and checked, %d rows written and %d deleted with an acknowledgement; "+
		"%d attempts on other tenants, all refused; %d faults, %d audits, %d outcomes that nobody knew; errors: %v",
		took.Round(time.Second), len(s.tenants), s.acks.Load(), s.failed.Load(), s.rows.Load(), s.written.Load(), s.gone.Load(),
		s.refused.Load(), s.ran, s.audits, s.doubts, s.seen)
}
