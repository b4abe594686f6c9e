package crypto

import (
	"context"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkNeighbour measures what 64 people who sign in at once do to somebody
// else's request in the same process: a fifth of a millisecond of work, asked
// for every 5 ms. It reports the 50th and 99th percentile of the time from when
// the request is due to when it is done. "one less than all" is the default of
// [HasherConfig].MaxParallel, the others show what it is for.
//
//	go test ./crypto -run '^$' -bench Neighbour -benchtime 1x -count 5
//
// The figures are in docs/design/013-passwords.md.
func BenchmarkNeighbour(b *testing.B) {
	for _, c := range []struct {
		name     string
		parallel int // 0 for nobody signing in
	}{
		{"logins=none", 0},
		{"logins=64/parallel=one_less_than_all", max(1, runtime.GOMAXPROCS(0)-1)},
		{"logins=64/parallel=all", runtime.GOMAXPROCS(0)},
		{"logins=64/parallel=unlimited", 64},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				took, done := neighbour(b, c.parallel)
				b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
				b.ReportMetric(float64(done), "logins-done")
			}
		})
	}
}

// neighbour runs 400 requests beside 64 sign-ins and returns how long each
// request took, in order of length, and how many sign-ins were done meanwhile.
func neighbour(b *testing.B, parallel int) (took []time.Duration, done int) {
	b.Helper()
	const requests, every = 400, 5 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	var (
		logins sync.WaitGroup
		mu     sync.Mutex
	)
	if parallel > 0 {
		h, err := NewHasher(HasherConfig{Cost: 11, MaxParallel: parallel, MaxQueue: 64})
		if err != nil {
			b.Fatal(err)
		}
		for range 64 {
			logins.Go(func() {
				for ctx.Err() == nil {
					if err := h.Verify(ctx, "", SecretString("wrong")); errors.Is(err, ErrMismatch) {
						mu.Lock()
						done++
						mu.Unlock()
					}
				}
			})
		}
	}
	page := make([]byte, 256<<10)
	start := time.Now()
	for i := range requests {
		due := start.Add(time.Duration(i) * every)
		time.Sleep(time.Until(due))
		sha256.Sum256(page)
		took = append(took, time.Since(due))
	}
	stop()
	logins.Wait()
	slices.Sort(took)
	return took, done
}
