//go:build !race

package accounts_test

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/bootstrap"
)

// cpuTime returns the time that this thread has spent on a processor. Unlike a
// clock it does not count while another process runs.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(thread, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestFailuresTakeTheSameTime compares each way to fail with the wrong password
// of a known account, in pairs that run one after the other in changing order,
// by the median of the ratios of processor time: the method of the test of the
// same name in package crypto. The bounds lie half-way to the next cost of
// bcrypt. What the database adds is counted in round trips, see
// TestRoundTrips in package session.
func TestFailuresTakeTheSameTime(t *testing.T) {
	t.Parallel()
	const pairs = 11
	w := newWorld(t)
	ctx := t.Context()
	w.setPasswords(t, 8)
	in := w.signIn(t, func(c *accounts.SignInConfig) { c.LockAfter = 100 })
	dora := tenancy.Actor{UserID: w.vera.UserID, Email: w.vera.Email}
	inAlpha := w.admit(t, w.anna, w.alpha)
	require.NoError(t, in.SetPassword(ctx, inAlpha, w.anna.UserID, crypto.SecretString(annasPassword), false))
	require.NoError(t, in.SetPassword(ctx, inAlpha, dora.UserID, crypto.SecretString(carlsPassword), false))
	// Carl's hash is one of cost 4: of an account that nobody used for years.
	w.exec(t, "update watertight.users set locked_until = now() + interval '1 day' where id = $1", dora.UserID)

	fail := func(email, password string, tenant tenancy.ID) func() {
		return func() {
			_, err := in.Password(ctx, attempt(email, password, tenant))
			require.Equal(t, accounts.ErrSignIn, err)
		}
	}
	known := fail(w.anna.Email, "wrong", w.alpha)
	ratio := func(other func()) float64 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		spent := func(f func()) float64 {
			start := cpuTime(t)
			f()
			return float64(cpuTime(t) - start)
		}
		var ratios []float64
		for i := range pairs {
			var a, b float64
			if i%2 == 0 {
				a, b = spent(known), spent(other)
			} else {
				b, a = spent(other), spent(known)
			}
			ratios = append(ratios, b/a)
		}
		slices.Sort(ratios)
		w.exec(t, "update watertight.users set failed_attempts = 0, locked_until = null where id <> $1", dora.UserID)
		return ratios[pairs/2]
	}
	suspended := func(f func()) func() {
		return func() {
			w.exec(t, "update watertight.memberships set status = 'suspended' where user_id = $1", w.anna.UserID)
			f()
			w.exec(t, "update watertight.memberships set status = 'active' where user_id = $1", w.anna.UserID)
		}
	}
	for name, other := range map[string]func(){
		"unknown address":                      fail("nobody@alpha.example", "wrong", w.alpha),
		"not registered":                       fail(w.carl.Email, carlsPassword, w.beta),
		"a tenant without any password":        fail(w.anna.Email, annasPassword, w.tenant(t, "Gamma", w.bob)),
		"no such tenant":                       fail(w.anna.Email, annasPassword, tenancy.NewID()),
		"locked, right password":               fail(dora.Email, carlsPassword, w.alpha),
		"locked, wrong password":               fail(dora.Email, "wrong", w.alpha),
		"suspended, right password":            suspended(fail(w.anna.Email, annasPassword, w.alpha)),
		"wrong password for a hash of cost 4":  fail(w.carl.Email, "wrong", w.alpha),
		"a password that is too long":          fail(w.anna.Email, string(make([]byte, 100)), w.alpha),
		"unknown address, password not usable": fail("nobody@alpha.example", "", w.alpha),
	} {
		if r := ratio(other); r < 0.72 || r > 1.39 {
			t.Errorf("%s takes %.2f times as long as a wrong password", name, r)
		} else {
			t.Logf("%s: %.3f", name, r)
		}
	}
	// The same measurement finds what it is there to find.
	for name, other := range map[string]func(){
		"an answer after the look-up": func() {
			_, err := bootstrap.Accounts(ctx, w.db, "nobody@alpha.example", w.alpha)
			require.NoError(t, err)
		},
		"a dummy of one cost less": func() {
			h, err := crypto.NewHasher(crypto.HasherConfig{Cost: 7, WeakCostForTests: true})
			require.NoError(t, err)
			_, _ = bootstrap.Accounts(ctx, w.db, "nobody@alpha.example", w.alpha)
			require.ErrorIs(t, h.Verify(ctx, "", crypto.SecretString("wrong")), crypto.ErrMismatch)
		},
	} {
		if r := ratio(other); r > 0.72 {
			t.Errorf("control: %s measures %.2f, so this test proves nothing", name, r)
		} else {
			t.Logf("control: %s: %.3f", name, r)
		}
	}
}
