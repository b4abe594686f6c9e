package session

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// roleSession is the role in which sessions are kept: nobody is known yet when a
// handle comes, and a viewer, whose transactions are read-only, has a session,
// too. No membership can carry it, and no other role may run these queries.
const roleSession tenancy.Role = "session"

// IssuerConfig is what [NewIssuer] takes. DB, Key, Issuer and Audience are
// required.
type IssuerConfig struct {
	DB  *tenancy.DB
	Key Key // signs

	// Issuer and Audience stand in every token: the service that signs, and the
	// one that the token is for.
	Issuer, Audience string

	// TTL is how long an access token is good for. Defaults to [DefaultTTL]; at
	// most [MaxTTL].
	TTL time.Duration

	// MaxAge is how long a session lasts, whatever its user does, and MaxIdle
	// how long one that is not refreshed. They default to 24 hours and one hour,
	// as NIST SP 800-63B-4, section 2.2.3, recommends.
	MaxAge, MaxIdle time.Duration

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

func (c IssuerConfig) validate() (IssuerConfig, error) {
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	if c.MaxAge == 0 {
		c.MaxAge = 24 * time.Hour
	}
	if c.MaxIdle == 0 {
		c.MaxIdle = min(time.Hour, c.MaxAge)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.DB == nil:
		return c, errors.New("issuer without a database (open one with tenancy.Open)")
	case c.Key.IsZero():
		return c, errors.New("issuer without a key (use NewKey)")
	case c.Issuer == "" || c.Audience == "":
		return c, errors.New("issuer without issuer or audience (name the service that signs, and the one that the tokens are for)")
	case c.TTL < time.Second || c.TTL > MaxTTL:
		return c, fmt.Errorf("tokens cannot live for %s (from 1s to %s)", c.TTL, MaxTTL)
	case c.MaxIdle < c.TTL || c.MaxAge < c.MaxIdle:
		return c, errors.New("a session must outlast its tokens (TTL ≤ MaxIdle ≤ MaxAge)")
	}
	return c, nil
}

// Issuer starts sessions, refreshes them, and ends them.
type Issuer struct{ cfg IssuerConfig }

// NewIssuer returns an Issuer, or an error that names the field at fault.
func NewIssuer(cfg IssuerConfig) (*Issuer, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	return &Issuer{cfg}, nil
}

// Tokens are what a client gets: the access token for each request, and the
// handle for one refresh, which it keeps where scripts cannot read it.
type Tokens struct {
	Access  crypto.Secret
	Expires time.Time // of the access token
	Refresh crypto.Secret
	Session uuid.UUID
}

// Start begins a session of the scope's user, who has just signed in: scope
// comes from accounts.SignIn or from DB.Admit after another way to identify
// him. The methods say how he did (RFC 8176), such as "pwd" or "mfa".
func (i *Issuer) Start(ctx context.Context, scope tenancy.Scope, userAgent string, methods ...string) (Tokens, error) {
	a := scope.Actor()
	if scope.IsZero() {
		return Tokens{}, tenancy.ErrNoTenant
	}
	if a.Kind != tenancy.KindUser || a.UserID == uuid.Nil {
		return Tokens{}, fmt.Errorf("start a session for a %s (only a person has one)", a.Kind)
	}
	own, err := i.keeper(a, scope.Tenant())
	if err != nil {
		return Tokens{}, err
	}
	h, now := newHandle(scope.Tenant()), i.cfg.Now()
	err = i.cfg.DB.Tx(tenancy.WithAction(ctx, "start_session"), own, func(ctx context.Context, c *tenancy.Conn) error {
		q := query.New(c)
		// Sessions hold addresses of people: they go when they are of no use.
		if _, err := q.ForgetSessions(ctx, h.tenant, a.UserID, now.Add(-keepEnded)); err != nil {
			return err
		}
		return q.StartSession(ctx, h.tenant, h.session, a.UserID, h.familyHash(), h.turnHash(),
			append([]string{}, methods...), address(a.IP), agent(userAgent), now.Add(i.cfg.MaxAge))
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("start a session: %w", err)
	}
	return i.tokens(scope, h, methods, now.Add(i.cfg.MaxAge))
}

// keeper is the scope in which the sessions of a tenant are kept.
func (i *Issuer) keeper(a tenancy.Actor, t tenancy.ID) (tenancy.Scope, error) {
	return unverified.Scope(i.cfg.DB, a, t, roleSession)
}

// keepEnded is how long a session that is over can still be looked up.
const keepEnded = 30 * 24 * time.Hour

// Refresh takes a handle and returns new tokens and the next handle. A handle
// is good once. One that was used before ends the session for everybody who
// has a handle of it, with [ErrReused]: nobody can tell the user from the thief.
// A client therefore refreshes one at a time.
//
// The registry is asked again, so a member who was removed or suspended gets
// [tenancy.ErrNotAdmitted], and one who got another role gets a token with it.
// Everything else that does not work any more is [ErrEnded].
func (i *Issuer) Refresh(ctx context.Context, refresh crypto.Secret, userAgent string, r Request) (Tokens, error) {
	h, err := parseHandle(refresh)
	if err != nil {
		return Tokens{}, err
	}
	if !r.Tenant.IsZero() && r.Tenant != h.tenant {
		return Tokens{}, tenancy.ErrNotAdmitted
	}
	s, err := i.find(ctx, h, r)
	if err != nil {
		return Tokens{}, err
	}
	actor := tenancy.Actor{UserID: s.UserID, Email: s.Email, IP: r.IP, Request: r.ID}
	scope, err := i.cfg.DB.Admit(ctx, actor, h.tenant)
	if err != nil {
		return Tokens{}, err
	}
	own, err := i.keeper(actor, h.tenant)
	if err != nil {
		return Tokens{}, err
	}
	next := h.next()
	n, err := query.New(i.cfg.DB.For(own)).TurnSession(tenancy.WithAction(ctx, "refresh"),
		h.tenant, h.session, h.turnHash(), next.turnHash(), address(r.IP), agent(userAgent))
	if err != nil {
		return Tokens{}, fmt.Errorf("refresh a session: %w", err)
	}
	if n == 0 {
		// Between the look and the turn somebody else turned or ended it.
		if _, err := i.find(ctx, h, r); err != nil {
			return Tokens{}, err
		}
		return Tokens{}, ErrEnded
	}
	return i.tokens(scope, next, s.Methods, s.ExpiresAt)
}

// find returns the session that a handle is good for.
func (i *Issuer) find(ctx context.Context, h handle, r Request) (query.FindSessionRow, error) {
	door, err := i.keeper(tenancy.Actor{Email: "session", IP: r.IP, Request: r.ID}, h.tenant)
	if err != nil {
		return query.FindSessionRow{}, err
	}
	s, err := query.New(i.cfg.DB.For(door)).FindSession(tenancy.WithAction(ctx, "refresh"), h.tenant, h.session, h.familyHash())
	if errors.Is(err, pgx.ErrNoRows) {
		// Also for a known session with another family: it was guessed, and a
		// guess must not end anybody's session.
		return s, ErrEnded
	}
	if err != nil {
		return s, fmt.Errorf("refresh a session: %w", err)
	}
	now := i.cfg.Now()
	switch {
	case s.EndedAt != nil:
		return s, ErrEnded
	case subtle.ConstantTimeCompare(s.TurnHash, h.turnHash()) != 1:
		return s, i.reused(ctx, door, h, s)
	case !now.Before(s.ExpiresAt) || now.Sub(s.UsedAt) > i.cfg.MaxIdle:
		return s, ErrEnded
	}
	return s, nil
}

// reused ends a session whose handle came a second time. It returns ErrReused
// only when that is done.
func (i *Issuer) reused(ctx context.Context, door tenancy.Scope, h handle, s query.FindSessionRow) error {
	err := i.cfg.DB.Tx(tenancy.WithAction(ctx, "refresh"), door, func(ctx context.Context, c *tenancy.Conn) error {
		why := "reused"
		n, err := query.New(c).EndSession(ctx, h.tenant, h.session, &why)
		if err != nil || n == 0 {
			return err
		}
		return audit.Log(ctx, c, "accounts.session_reused", "session", h.session.String(), map[string]any{"user": s.UserID})
	})
	if err != nil {
		return fmt.Errorf("end a session whose handle was used twice: %w", err)
	}
	return ErrReused
}

// tokens signs an access token for the scope and writes the handle.
func (i *Issuer) tokens(scope tenancy.Scope, h handle, methods []string, end time.Time) (Tokens, error) {
	now := i.cfg.Now()
	expires := now.Add(i.cfg.TTL)
	if expires.After(end) {
		expires = end
	}
	a := scope.Actor()
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: i.cfg.Issuer, Audience: jwt.ClaimStrings{i.cfg.Audience}, Subject: a.UserID.String(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Tenant: scope.Tenant().String(), Session: h.session.String(),
		Email: a.Email, Role: string(scope.Role()), Methods: methods,
	})
	t.Header["typ"], t.Header["kid"] = tokenType, i.cfg.Key.public.id
	signed, err := t.SignedString(i.cfg.Key.sign())
	if err != nil {
		return Tokens{}, fmt.Errorf("sign an access token: %w", err)
	}
	return Tokens{Access: crypto.SecretString(signed), Expires: expires, Refresh: h.secret(), Session: h.session}, nil
}

func address(ip netip.Addr) *netip.Addr {
	if !ip.IsValid() {
		return nil
	}
	ip = ip.WithZone("")
	return &ip
}

// agent is what is kept of a client's own description: enough to recognise it
// in a list of sessions.
func agent(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200])
	}
	return s
}
