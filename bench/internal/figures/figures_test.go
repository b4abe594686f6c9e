package figures

import (
	"context"
	"errors"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	values := []float64{5, 1, 4, 2, 3}
	s := Of(values)
	require.Equal(t, Spread{Median: 3, Low: 2, High: 4}, s)
	require.Equal(t, []float64{5, 1, 4, 2, 3}, values, "the caller's order stays: rounds are compared by it")
	require.Equal(t, "3.00 ±1.00", s.String())
	require.Equal(t, Spread{Median: 1.5, Low: 1.25, High: 1.75}, Of([]float64{2, 1}))
	require.True(t, math.IsNaN(Of(nil).Median))
	require.Equal(t, "–", Of(nil).String())
}

// A disturbance that hits both sides of a round does not show in the ratios, as
// it would in the ratio of two medians.
func TestRatiosAreOfRounds(t *testing.T) {
	t.Parallel()
	ratios, err := Ratios([]float64{2, 20, 2.2}, []float64{1, 10, 1.1})
	require.NoError(t, err)
	require.InDelta(t, 2, Of(ratios).Median, 1e-9)
	require.InDelta(t, 0, Of(ratios).Half(), 1e-9)
	_, err = Ratios([]float64{1}, []float64{1, 2})
	require.ErrorContains(t, err, "1 rounds are compared with 2")
	_, err = Ratios([]float64{1}, []float64{0})
	require.ErrorContains(t, err, "took no time")
}

func TestUsageIsRead(t *testing.T) {
	t.Parallel()
	d, err := schedstat("1234567 89 10\n")
	require.NoError(t, err)
	require.Equal(t, 1234567*time.Nanosecond, d)
	_, err = schedstat("")
	require.Error(t, err)
	d, err = stat("42 (post) gres: (x) S 1 42 42 0 -1 4194304 1 0 0 0 7 5 0 0 20 0")
	require.NoError(t, err)
	require.Equal(t, 120*time.Millisecond, d)
	_, err = stat("42 (x) S 1")
	require.ErrorContains(t, err, "too few fields")
	own, err := anonymous("VmRSS:\t 900 kB\nRssAnon:\t     12 kB\n")
	require.NoError(t, err)
	require.Equal(t, int64(12<<10), own)
	_, err = anonymous("VmRSS: 900 kB\n")
	require.ErrorContains(t, err, "no RssAnon")
}

func TestOwnProcessHasUsedSomething(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the CPU time of other processes is known on Linux only")
	}
	self := []uint32{uint32(os.Getpid())}
	used, err := Server(self)
	require.NoError(t, err)
	require.Positive(t, used)
	used, err = Client()
	require.NoError(t, err)
	require.Positive(t, used)
	held, err := Resident(self)
	require.NoError(t, err)
	require.Positive(t, held)
	_, err = Server([]uint32{math.MaxUint32})
	require.ErrorIs(t, err, ErrUnknown)
}

func TestTogether(t *testing.T) {
	t.Parallel()
	var a, b atomic.Int64
	count := func(n *atomic.Int64) func(context.Context) error {
		return func(context.Context) error { n.Add(1); return nil }
	}
	done, took, err := Together(t.Context(), []func(context.Context) error{count(&a), count(&b)},
		func(done int, _ time.Duration) bool { return done < 3 })
	require.NoError(t, err)
	require.Equal(t, []int64{3, 3, 6}, []int64{a.Load(), b.Load(), int64(done)})
	require.Positive(t, took)
	broken := errors.New("broken")
	_, _, err = Together(t.Context(), []func(context.Context) error{count(&a), func(context.Context) error { return broken }},
		func(int, time.Duration) bool { return false })
	require.ErrorIs(t, err, broken, "a measurement in which something failed is none")
}
