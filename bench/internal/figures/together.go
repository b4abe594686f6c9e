package figures

import (
	"context"
	"sync"
	"time"
)

// Together runs each piece of work on a goroutine, again and again as long as
// goOn says so, at least once. It returns how often, and the time until the
// last has ended.
func Together(ctx context.Context, work []func(context.Context) error, goOn func(done int, since time.Duration) bool) (int, time.Duration, error) {
	var (
		all    sync.WaitGroup
		begin  = time.Now()
		counts = make([]int, len(work))
		errs   = make([]error, len(work))
	)
	for i, fn := range work {
		all.Go(func() {
			for {
				if errs[i] = fn(ctx); errs[i] != nil {
					return
				}
				counts[i]++
				if !goOn(counts[i], time.Since(begin)) {
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(begin)
	sum := 0
	for i := range work {
		if errs[i] != nil {
			return 0, 0, errs[i]
		}
		sum += counts[i]
	}
	return sum, took, nil
}
