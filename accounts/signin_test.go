package accounts_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := w.signIn(t)

	scope, err := in.Password(ctx, attempt("ANNA@alpha.example", annasPassword, w.alpha))
	require.NoError(t, err)
	require.Equal(t, w.alpha, scope.Tenant())
	require.Equal(t, tenancy.RoleOwner, scope.Role())
	require.Equal(t, w.anna.UserID, scope.Actor().UserID)
	require.Equal(t, "anna@alpha.example", scope.Actor().Email, "the account's own spelling")
	require.Equal(t, visitor, scope.Actor().IP)
	users, err := query.New(w.db.For(scope)).ListUsers(ctx, w.alpha)
	require.NoError(t, err)
	require.Len(t, users, 3)
	require.Equal(t, []string{"accounts.sign_in"}, w.logged(t, w.alpha, "accounts.sign_in"))

	// The account in Beta is another one, with another password.
	_, err = in.Password(ctx, attempt("anna@alpha.example", annasPassword, w.beta))
	require.ErrorIs(t, err, accounts.ErrSignIn)
	scope, err = in.Password(ctx, attempt("anna@alpha.example", betasPassword, w.beta))
	require.NoError(t, err)
	require.Equal(t, tenancy.RoleViewer, scope.Role(), "also a viewer, whose transactions are read-only")

	// Without a tenant there must be one account only.
	scope, err = in.Password(ctx, attempt("carl@alpha.example", carlsPassword, tenancy.ID{}))
	require.NoError(t, err)
	require.Equal(t, w.alpha, scope.Tenant())
	_, err = in.Password(ctx, attempt("anna@alpha.example", annasPassword, tenancy.ID{}))
	require.ErrorIs(t, err, accounts.ErrSignIn)
}

// Every way to fail gives one answer, and the log of the tenant that has the
// account, and of no other, says what happened.
func TestFailuresLookTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := w.signIn(t)
	signIn := func(email, password string, tenant tenancy.ID) error {
		_, err := in.Password(ctx, attempt(email, password, tenant))
		return err
	}
	require.NoError(t, signIn(w.carl.Email, carlsPassword, w.alpha), "the control")
	before := len(w.logged(t, w.alpha, "accounts."))

	for name, c := range map[string]struct {
		email, password string
		tenant          tenancy.ID
		tells           string // in Alpha's log
		operator        int    // events in the platform's log
	}{
		"unknown address":                   {"nobody@alpha.example", annasPassword, w.alpha, "", 1},
		"wrong password":                    {w.carl.Email, "not his password", w.alpha, "accounts.sign_in_failed", 0},
		"no password set":                   {w.vera.Email, "whatever it may be", w.alpha, "accounts.sign_in_refused", 0},
		"not registered":                    {w.carl.Email, carlsPassword, w.beta, "", 1},
		"no such tenant":                    {w.carl.Email, carlsPassword, tenancy.NewID(), "", 1},
		"unknown address, no tenant":        {"nobody@alpha.example", annasPassword, tenancy.ID{}, "", 1},
		"empty password":                    {w.carl.Email, "", w.alpha, "accounts.sign_in_failed", 0},
		"password too long":                 {w.carl.Email, strings.Repeat("x", 100), w.alpha, "accounts.sign_in_failed", 0},
		"address too long":                  {strings.Repeat("x", 300) + "@alpha.example", annasPassword, w.alpha, "", 1},
		"no address":                        {"", annasPassword, w.alpha, "", 1},
		"NUL in the address":                {"carl@alpha.example\x00", carlsPassword, w.alpha, "", 1},
		"bytes that are not UTF-8":          {"carl\xff@alpha.example", carlsPassword, w.alpha, "", 1},
		"a pattern":                         {"%", carlsPassword, w.alpha, "", 1},
		"another one":                       {"carl@alpha._xample", carlsPassword, w.alpha, "", 1},
		"SQL":                               {"' or true --", carlsPassword, w.alpha, "", 1},
		"the password of the other account": {w.anna.Email, betasPassword, w.alpha, "accounts.sign_in_failed", 0},
	} {
		logged, operator := len(w.logged(t, w.alpha, "accounts.")), len(w.logged(t, tenancy.ID{}, "watertight.sign_in_refused"))
		err := signIn(c.email, c.password, c.tenant)
		require.Equal(t, accounts.ErrSignIn, err, name)
		events := w.logged(t, w.alpha, "accounts.")[logged:]
		if c.tells == "" {
			require.Empty(t, events, name)
		} else {
			require.Equal(t, []string{c.tells}, events, name)
		}
		require.Len(t, w.logged(t, tenancy.ID{}, "watertight.sign_in_refused"), operator+c.operator, name)
	}
	require.Greater(t, len(w.logged(t, w.alpha, "accounts.")), before)
	require.Empty(t, w.logged(t, w.beta, "accounts.sign_in"), "Beta hears nothing of Alpha's accounts")

	// What was typed as an address is in no log: it may be a password.
	var found int
	require.NoError(t, w.admin.QueryRow(ctx, "select count(*) from watertight.audit_event e where e::text like '%nobody@alpha%' or e::text like '%or true --%'").Scan(&found))
	require.Zero(t, found)

	// With the right password: suspended, removed from the tenant, tenant suspended.
	w.exec(t, "update watertight.memberships set status = 'suspended' where user_id = $1", w.carl.UserID)
	require.Equal(t, accounts.ErrSignIn, signIn(w.carl.Email, carlsPassword, w.alpha))
	w.exec(t, "update watertight.memberships set status = 'active' where user_id = $1", w.carl.UserID)
	require.NoError(t, signIn(w.carl.Email, carlsPassword, w.alpha))
	w.status(t, w.alpha, "suspended")
	require.Equal(t, accounts.ErrSignIn, signIn(w.carl.Email, carlsPassword, w.alpha))
	w.status(t, w.alpha, "active")
	require.NoError(t, signIn(w.carl.Email, carlsPassword, w.alpha))
	w.exec(t, "delete from watertight.users where id = $1", w.carl.UserID)
	require.Equal(t, accounts.ErrSignIn, signIn(w.carl.Email, carlsPassword, w.alpha))
}

// A hash that is not the user's own does not open, and nobody learns of it but
// the operator.
func TestAHashOfAnotherAccountIsOfNoUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	var reported []error
	in := w.signIn(t, func(c *accounts.SignInConfig) { c.Report = func(err error) { reported = append(reported, err) } })
	w.exec(t, "update watertight.users set password_hash = (select password_hash from watertight.users where id = $1) where id = $2 and tenant_id = $3",
		w.carl.UserID, w.anna.UserID, w.alpha)
	_, err := in.Password(ctx, attempt(w.anna.Email, carlsPassword, w.alpha))
	require.Equal(t, accounts.ErrSignIn, err)
	require.Len(t, reported, 1)
	require.ErrorIs(t, reported[0], crypto.ErrOpen)
	_, err = in.Password(ctx, attempt(w.carl.Email, carlsPassword, w.alpha))
	require.NoError(t, err, "the control: where it belongs it opens")
}

func TestLockout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := w.signIn(t, func(c *accounts.SignInConfig) { c.LockAfter, c.LockFor, c.LockAtMost = 3, 30*time.Second, time.Minute })
	try := func(password string) error {
		_, err := in.Password(ctx, attempt(w.carl.Email, password, w.alpha))
		return err
	}
	// lockedFor is how many seconds the lock lasts, 0 without one.
	lockedFor := func() (seconds float64) {
		require.NoError(t, w.admin.QueryRow(ctx, "select coalesce(extract(epoch from locked_until - now()), 0)::float8 from watertight.users where id = $1", w.carl.UserID).Scan(&seconds))
		return seconds
	}
	release := func() {
		w.exec(t, "update watertight.users set locked_until = now() - interval '1 second' where id = $1", w.carl.UserID)
	}

	// The control: two failures and a success, any number of times.
	for range 3 {
		require.Error(t, try("wrong"))
		require.Error(t, try("wrong"))
		require.Zero(t, lockedFor())
		require.NoError(t, try(carlsPassword))
	}
	// The attempt that would lock is one that may still be right.
	require.Error(t, try("wrong"))
	require.Error(t, try("wrong"))
	require.NoError(t, try(carlsPassword))
	require.Zero(t, lockedFor())

	for range 3 {
		require.Error(t, try("wrong"))
	}
	require.InDelta(t, 30, lockedFor(), 10)
	require.Equal(t, []string{"accounts.locked"}, w.logged(t, w.alpha, "accounts.locked"))
	require.Equal(t, accounts.ErrSignIn, try(carlsPassword), "the right password, in the same words")
	release()
	require.Error(t, try("wrong"), "the next failure locks again, for twice as long")
	require.InDelta(t, 60, lockedFor(), 10)
	release()
	require.Error(t, try("wrong"))
	require.InDelta(t, 60, lockedFor(), 10, "and no longer than that")
	release()
	require.NoError(t, try(carlsPassword))
	require.Zero(t, lockedFor())

	// Nobody else was locked.
	_, err := in.Password(ctx, attempt(w.anna.Email, annasPassword, w.alpha))
	require.NoError(t, err)

	// After a hundred failures it is for the owner to set a new password.
	w.exec(t, "update watertight.users set failed_attempts = 99 where id = $1", w.carl.UserID)
	require.Error(t, try("wrong"))
	release()
	require.Equal(t, accounts.ErrSignIn, try(carlsPassword))
	require.NoError(t, in.SetPassword(ctx, w.admit(t, w.anna, w.alpha), w.carl.UserID, crypto.SecretString(carlsPassword), false))
	require.NoError(t, try(carlsPassword))
}

// Attempts at the same time get no more guesses than one after the other.
func TestParallelGuessesAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var checked atomic.Int64
	in := w.signIn(t, func(c *accounts.SignInConfig) { c.LockAfter = 5 })
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			_, err := in.Password(t.Context(), attempt(w.carl.Email, "wrong", w.alpha))
			if err == accounts.ErrSignIn { //nolint:errorlint // the very value
				checked.Add(1)
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(30), checked.Load())
	var failures int
	require.NoError(t, w.admin.QueryRow(t.Context(), "select failed_attempts from watertight.users where id = $1", w.carl.UserID).Scan(&failures))
	require.Equal(t, 5, failures)
	require.Len(t, w.logged(t, w.alpha, "accounts.sign_in_failed"), 4)
	require.Len(t, w.logged(t, w.alpha, "accounts.locked"), 1)
	require.Len(t, w.logged(t, w.alpha, "accounts.sign_in_refused"), 25, "whose password was not looked at")
}

// A hash of a lower cost is renewed when its password is right, and then only.
func TestRehash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	stored := func() (hash []byte) {
		require.NoError(t, w.admin.QueryRow(ctx, "select password_hash from watertight.users where id = $1", w.carl.UserID).Scan(&hash))
		return hash
	}
	old := stored()
	_, err := w.signIn(t).Password(ctx, attempt(w.carl.Email, carlsPassword, w.alpha))
	require.NoError(t, err)
	require.Equal(t, old, stored(), "the control: nothing to renew")

	w.setPasswords(t, 5)
	in := w.signIn(t)
	_, err = in.Password(ctx, attempt(w.carl.Email, "wrong", w.alpha))
	require.Error(t, err)
	require.Equal(t, old, stored())
	_, err = in.Password(ctx, attempt(w.carl.Email, carlsPassword, w.alpha))
	require.NoError(t, err)
	renewed := stored()
	require.NotEqual(t, old, renewed)
	v, err := w.passwords.Verify(ctx, w.alpha, w.carl.UserID, renewed, crypto.SecretString(carlsPassword))
	require.NoError(t, err)
	require.False(t, v.Rehash)
	_, err = in.Password(ctx, attempt(w.carl.Email, carlsPassword, w.alpha))
	require.NoError(t, err)
	require.Equal(t, renewed, stored())
}

func TestSignInIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	clock := time.Unix(1_800_000_000, 0)
	limiter := &accounts.MemoryLimiter{
		Rates: map[string]accounts.Rate{"sign_in.ip": {Burst: 6, PerMinute: 1}, "sign_in.account": {Burst: 2, PerMinute: 1}},
		Now:   func() time.Time { return clock },
	}
	in := w.signIn(t, func(c *accounts.SignInConfig) { c.Limiter = limiter })
	for _, email := range []string{w.carl.Email, "nobody@alpha.example"} {
		for range 2 {
			_, err := in.Password(ctx, attempt(email, "wrong", w.alpha))
			require.Equal(t, accounts.ErrSignIn, err)
		}
		_, err := in.Password(ctx, attempt(strings.ToUpper(email), carlsPassword, w.alpha))
		require.ErrorIs(t, err, accounts.ErrLimited, "an address that nobody has is limited as another")
	}
	_, err := in.Password(ctx, attempt("third@alpha.example", "wrong", w.alpha))
	require.ErrorIs(t, err, accounts.ErrLimited, "the sixth and seventh from one network address")
	clock = clock.Add(time.Minute)
	_, err = in.Password(ctx, attempt(w.carl.Email, carlsPassword, w.alpha))
	require.NoError(t, err)
}

func TestSignInConfig(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := accounts.SignInConfig{DB: w.db, Passwords: w.passwords, Hasher: w.hasher}
	_, err := accounts.NewSignIn(good)
	require.NoError(t, err)
	for want, change := range map[string]func(*accounts.SignInConfig){
		"without a database":   func(c *accounts.SignInConfig) { c.DB = nil },
		"without a database, ": func(c *accounts.SignInConfig) { c.Hasher = nil },
		"after 101 failures":   func(c *accounts.SignInConfig) { c.LockAfter = 101 },
		"lock is too short":    func(c *accounts.SignInConfig) { c.LockFor = time.Millisecond },
		"longest shorter":      func(c *accounts.SignInConfig) { c.LockFor = 2 * time.Hour },
		"below the 15":         func(c *accounts.SignInConfig) { c.Policy.MinLen = 3 },
	} {
		cfg := good
		change(&cfg)
		_, err := accounts.NewSignIn(cfg)
		require.ErrorContains(t, err, want)
	}
}
