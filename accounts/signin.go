package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/bootstrap"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// ErrSignIn is the one answer to a sign-in that fails: an address that nobody
// has, a wrong password, an account that is locked, suspended or has no
// password, a tenant that the account is not registered with. They cannot be
// told apart, by the answer or by the time that it takes.
var ErrSignIn = errors.New("the sign-in failed (check address, password and tenant, or try again later)")

// roleSignIn is the role in the context of an attempt: nobody is known yet. No
// membership can carry it.
const roleSignIn tenancy.Role = "sign_in"

// NIST SP 800-63B-4, section 3.2.2: no more than 100 failures in a row. Then
// the account waits for a new password.
const giveUp = 100

// SignInConfig is what [NewSignIn] takes. DB, Passwords and Hasher are required.
type SignInConfig struct {
	DB        *tenancy.DB
	Passwords *crypto.Passwords

	// Hasher is the one that Passwords was made with: it spends the time of a
	// check where there is nothing to check.
	Hasher *crypto.Hasher

	// Policy of new passwords. Its zero value asks for 15 characters.
	Policy crypto.Policy

	// Words that no password may be, such as the name of the service.
	Words []string

	// Limiter is asked before each attempt. Defaults to a [MemoryLimiter].
	Limiter Limiter

	// LockAfter is how many failures in a row lock an account. Defaults to 10.
	LockAfter int

	// LockFor is how long the first lock lasts; each further failure doubles
	// it, up to LockAtMost. They default to 30 seconds and one hour.
	LockFor, LockAtMost time.Duration

	// Report is told of what kept a password from being checked, such as a hash
	// that does not open. The caller is told no more than ErrSignIn. Defaults
	// to slog.
	Report func(error)
}

func (c SignInConfig) validate() (SignInConfig, error) {
	if c.Limiter == nil {
		c.Limiter = &MemoryLimiter{}
	}
	if c.LockAfter == 0 {
		c.LockAfter = 10
	}
	if c.LockFor == 0 {
		c.LockFor = 30 * time.Second
	}
	if c.LockAtMost == 0 {
		c.LockAtMost = time.Hour
	}
	if c.Report == nil {
		c.Report = func(err error) { slog.Error("a password was not checked", "error", err) }
	}
	switch {
	case c.DB == nil || c.Passwords == nil || c.Hasher == nil:
		return c, errors.New("sign-in without a database, passwords or hasher (set SignInConfig.DB, Passwords and Hasher)")
	case c.LockAfter < 1 || c.LockAfter > giveUp:
		return c, fmt.Errorf("an account cannot be locked after %d failures (choose from 1 to %d)", c.LockAfter, giveUp)
	case c.LockFor < time.Second || c.LockAtMost < c.LockFor:
		return c, errors.New("a lock is too short, or its longest shorter than its first (set SignInConfig.LockFor to a second or more and LockAtMost above it)")
	}
	return c, c.Policy.Validate()
}

// SignIn signs people in with an e-mail address and a password, and keeps
// their passwords.
type SignIn struct{ cfg SignInConfig }

// NewSignIn returns a SignIn, or an error that names the field at fault.
func NewSignIn(cfg SignInConfig) (*SignIn, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	return &SignIn{cfg}, nil
}

// Attempt is one attempt to sign in.
type Attempt struct {
	Email    string
	Password crypto.Secret

	// Tenant is where to sign in. The zero ID will do if the address has an
	// account with one tenant only.
	Tenant tenancy.ID

	IP      netip.Addr
	Request string // an id that leads back to the request's trace or log lines
}

// Password signs a person in and returns the scope in which he may work, from
// which package session starts a session. To change to another tenant is to
// sign in there: a scope or a session is never turned into one of another
// tenant.
//
// Every failure is [ErrSignIn], and takes the look-up, one statement in the
// tenant, one check of a password and one event of the log, whether or not there
// is such an account. The other errors do not depend on the account either:
// [ErrLimited], [crypto.ErrBusy], and that of a database that cannot be reached.
//
// The attempt is counted before the password is looked at, so a hundred
// attempts at the same time get no more guesses than one after the other.
func (s *SignIn) Password(ctx context.Context, a Attempt) (tenancy.Scope, error) {
	if err := s.limit(ctx, a); err != nil {
		return tenancy.Scope{}, err
	}
	account, found, err := s.find(ctx, a)
	if err != nil {
		return tenancy.Scope{}, err
	}
	door, err := s.door(a, account.Tenant, found)
	if err != nil {
		return tenancy.Scope{}, err
	}
	c, q := s.cfg.DB.For(door), query.New(s.cfg.DB.For(door))
	claim, err := q.ClaimSignIn(tenancy.WithAction(ctx, "sign_in"), account.Tenant,
		int32(s.cfg.LockAfter), s.cfg.LockAtMost.Seconds(), s.cfg.LockFor.Seconds(), account.User, giveUp)
	if err != nil {
		return tenancy.Scope{}, fmt.Errorf("sign in: %w", err)
	}
	verified, ok, err := s.check(ctx, account, claim, a.Password)
	switch {
	case err != nil:
		return tenancy.Scope{}, err
	case !ok && found:
		err = s.failed(ctx, c, account, claim)
	case !ok:
		err = q.SignInRefused(ctx)
	}
	if err != nil {
		return tenancy.Scope{}, fmt.Errorf("record a failed sign-in: %w", err)
	}
	if !ok {
		return tenancy.Scope{}, ErrSignIn
	}
	return s.succeed(ctx, a, account, claim, verified)
}

// limit asks the limiter. Only a hash of the address leaves for it.
func (s *SignIn) limit(ctx context.Context, a Attempt) error {
	if a.IP.IsValid() {
		if err := s.cfg.Limiter.Allow(ctx, "sign_in.ip", limitedAddress(a.IP)); err != nil {
			return err
		}
	}
	sum := sha256.Sum256([]byte(strings.ToLower(a.Email)))
	return s.cfg.Limiter.Allow(ctx, "sign_in.account", hex.EncodeToString(sum[:]))
}

// limitedAddress is what is counted together: an IPv4 address, or the /64 of an
// IPv6 one, of which a single customer has all.
func limitedAddress(ip netip.Addr) string {
	ip = ip.Unmap()
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return ip.String()
	}
	return prefix.String()
}

// find looks the account up. What it returns where there is none is nobody of
// the tenant that was asked for, so that what follows is the same work.
func (s *SignIn) find(ctx context.Context, a Attempt) (account bootstrap.Account, found bool, err error) {
	email := a.Email
	if !utf8.ValidString(email) || strings.ContainsRune(email, 0) {
		email = "" // Postgres would refuse it, with another error and sooner
	}
	accounts, err := bootstrap.Accounts(ctx, s.cfg.DB, email, a.Tenant)
	if err != nil {
		return bootstrap.Account{}, false, fmt.Errorf("sign in: %w", err)
	}
	if len(accounts) == 1 {
		return accounts[0], true, nil
	}
	nobody := bootstrap.Account{Tenant: a.Tenant, User: uuid.New()}
	if nobody.Tenant.IsZero() {
		nobody.Tenant = tenancy.NewID()
	}
	return nobody, false, nil
}

// door is the scope of an attempt. Its actor is the address that somebody typed
// and did not prove; one that nobody has stays outside, it may be anything.
func (s *SignIn) door(a Attempt, t tenancy.ID, found bool) (tenancy.Scope, error) {
	actor := tenancy.Actor{Email: "unknown", IP: a.IP, Request: a.Request}
	if found {
		actor.Email = a.Email
	}
	return unverified.Scope(s.cfg.DB, actor, t, roleSignIn)
}

// check looks at the password, or spends the time of it. An error says that
// nothing could be looked at, for anybody.
func (s *SignIn) check(ctx context.Context, account bootstrap.Account, claim query.ClaimSignInRow, password crypto.Secret) (v crypto.Verified, ok bool, err error) {
	switch {
	case claim.Claimed:
		v, err = s.cfg.Passwords.Verify(ctx, account.Tenant, account.User, claim.PasswordHash, password)
	case claim.Keyed:
		_, err = s.cfg.Passwords.Verify(ctx, account.Tenant, uuid.Nil, nil, password)
	default:
		// The tenant does not exist or has no key: it has no passwords, and
		// an anonymous caller does not make it one.
		err = s.cfg.Hasher.Verify(ctx, "", password)
	}
	switch {
	case err == nil:
		return v, claim.Claimed, nil
	case errors.Is(err, crypto.ErrMismatch):
		return v, false, nil
	case errors.Is(err, crypto.ErrOpen) || errors.Is(err, crypto.ErrHashFormat):
		s.cfg.Report(fmt.Errorf("sign in: the stored password of user %s of tenant %s: %w", account.User, account.Tenant, err))
		return v, false, nil
	}
	return v, false, err
}

// failed leaves an event in the log of the tenant that has the account.
func (s *SignIn) failed(ctx context.Context, c *tenancy.Conn, account bootstrap.Account, claim query.ClaimSignInRow) error {
	action, details := "accounts.sign_in_failed", map[string]any{"failures": claim.FailedAttempts}
	switch {
	case !claim.Claimed:
		action, details = "accounts.sign_in_refused", nil // locked, suspended, or without a password
	case claim.Locks:
		action = "accounts.locked"
	}
	return audit.Log(ctx, c, action, "user", account.User.String(), details)
}

// succeed admits the person as any other request would be admitted.
func (s *SignIn) succeed(ctx context.Context, a Attempt, account bootstrap.Account, claim query.ClaimSignInRow, v crypto.Verified) (tenancy.Scope, error) {
	// The account's own address, not the one that was typed: they may differ
	// in case, and in what else lower() makes the same.
	actor := tenancy.Actor{UserID: account.User, Email: claim.Email, IP: a.IP, Request: a.Request}
	scope, err := s.cfg.DB.Admit(ctx, actor, account.Tenant)
	if errors.Is(err, tenancy.ErrNotAdmitted) {
		return tenancy.Scope{}, ErrSignIn
	}
	if err != nil {
		return tenancy.Scope{}, fmt.Errorf("sign in: %w", err)
	}
	door, err := unverified.Scope(s.cfg.DB, actor, account.Tenant, roleSignIn)
	if err != nil {
		return tenancy.Scope{}, err
	}
	var newHash []byte
	if v.Rehash {
		if newHash, err = s.cfg.Passwords.Hash(ctx, account.Tenant, account.User, a.Password); err != nil {
			s.cfg.Report(fmt.Errorf("renew the hash of user %s of tenant %s: %w", account.User, account.Tenant, err))
		}
	}
	err = s.cfg.DB.Tx(tenancy.WithAction(ctx, "sign_in"), door, func(ctx context.Context, c *tenancy.Conn) error {
		q := query.New(c)
		if _, err := q.ClearFailures(ctx, account.Tenant, account.User); err != nil {
			return err
		}
		if len(newHash) != 0 {
			if _, err := q.ReplacePasswordHash(ctx, account.Tenant, account.User, claim.PasswordHash, newHash); err != nil {
				return err
			}
		}
		return audit.Log(ctx, c, "accounts.sign_in", "user", account.User.String(), map[string]any{"method": "password"})
	})
	if err != nil {
		return tenancy.Scope{}, fmt.Errorf("record a sign-in: %w", err)
	}
	return scope, nil
}
