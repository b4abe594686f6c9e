//go:build !race

package crypto

import (
	"context"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// cpuTime returns the time that this thread has spent on a processor. Unlike a
// clock it does not count while another process runs.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestFailuresTakeTheSameTime compares each way to fail with the wrong password
// of a known user, in pairs that run one after the other in changing order, by
// the median of the ratios of processor time. What disturbs the machine
// disturbs both of a pair, and a median does not mind a third of bad pairs. The
// bounds lie half-way to the next cost, which is twice or half the time.
func TestFailuresTakeTheSameTime(t *testing.T) {
	const cost, pairs = 8, 13
	h := testHasher(t, cost)
	wrong := mustHash(t, "right", cost)
	ratio := func(hash string, verify func(hash string)) float64 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		spent := func(hash string, verify func(string)) float64 {
			start := cpuTime(t)
			verify(hash)
			return float64(cpuTime(t) - start)
		}
		full := func(hash string) { _ = h.Verify(context.Background(), hash, SecretString("wrong")) }
		var ratios []float64
		for i := range pairs {
			var known, other float64
			if i%2 == 0 {
				known, other = spent(wrong, full), spent(hash, verify)
			} else {
				other, known = spent(hash, verify), spent(wrong, full)
			}
			ratios = append(ratios, other/known)
		}
		slices.Sort(ratios)
		return ratios[pairs/2]
	}
	full := func(hash string) { _ = h.Verify(context.Background(), hash, SecretString("wrong")) }
	long := func(hash string) { _ = h.Verify(context.Background(), hash, NewSecret(make([]byte, 100))) }
	for name, c := range map[string]struct {
		hash   string
		verify func(string)
	}{
		"unknown user":           {"", full},
		"unknown user, too long": {"", long},
		"wrong password of a user whose cost is two less": {mustHash(t, "right", cost-2), full},
		"too long for a known user":                       {wrong, long},
	} {
		if r := ratio(c.hash, c.verify); r < 0.72 || r > 1.39 {
			t.Errorf("%s takes %.2f times as long as a wrong password", name, r)
		} else {
			t.Logf("%s: %.3f", name, r)
		}
	}
	// The same measurement finds what it is there to find.
	for name, verify := range map[string]func(string){
		"no dummy at all":          func(string) {},
		"a dummy of one cost less": func(string) { h.burn([]byte("wrong"), cost-1) },
	} {
		if r := ratio("", verify); r > 0.72 {
			t.Errorf("control: %s measures %.2f, so this test proves nothing", name, r)
		} else {
			t.Logf("control: %s: %.3f", name, r)
		}
	}
}
