package session

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/unverified"
)

// VerifierConfig is what [NewVerifier] takes. All but DB, Keys, Issuer and
// Audience may be left out.
type VerifierConfig struct {
	DB *tenancy.DB // that the scopes are for

	// Keys are one or two: the one that signs now, and during a rotation the
	// one before or after it.
	Keys []PublicKey

	// Issuer and Audience must stand in a token exactly.
	Issuer, Audience string

	// MaxTTL is the longest life that a token may have been given. Defaults to
	// [DefaultTTL].
	MaxTTL time.Duration

	// Leeway is how far the issuer's clock may be ahead of this one. It never
	// stretches a token's life: an expired token is expired. At most and by
	// default [MaxLeeway]; a negative one is none.
	Leeway time.Duration

	// Limiter bounds how many events a session leaves in its tenant's log by
	// asking for other tenants. It is asked with the kind
	// "foreign_tenant.session". Defaults to ten at once and ten a minute for a
	// session.
	Limiter accounts.Limiter

	// Failed, if not nil, is told when such an event could not be written.
	// Defaults to slog.
	Failed func(error)

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

func (c VerifierConfig) validate() (VerifierConfig, error) {
	if c.MaxTTL == 0 {
		c.MaxTTL = DefaultTTL
	}
	if c.Leeway == 0 {
		c.Leeway = MaxLeeway
	}
	c.Leeway = max(c.Leeway, 0)
	if c.Limiter == nil {
		c.Limiter = &accounts.MemoryLimiter{Rates: map[string]accounts.Rate{"foreign_tenant.session": {Burst: 10, PerMinute: 10}}}
	}
	if c.Failed == nil {
		c.Failed = func(err error) { slog.Error("a token for another tenant was not recorded", "error", err) }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.DB == nil:
		return c, errors.New("verifier without a database (open one with tenancy.Open)")
	case len(c.Keys) < 1 || len(c.Keys) > 2:
		return c, fmt.Errorf("verifier with %d keys (give the one that signs, and during a rotation one more)", len(c.Keys))
	case c.Issuer == "" || c.Audience == "":
		return c, errors.New("verifier without issuer or audience (set what the Issuer sets)")
	case c.MaxTTL < time.Second || c.MaxTTL > MaxTTL:
		return c, fmt.Errorf("tokens of %s are not accepted (from 1s to %s)", c.MaxTTL, MaxTTL)
	case c.Leeway > MaxLeeway:
		return c, fmt.Errorf("a leeway of %s is too long (at most %s: set the machines' clocks)", c.Leeway, MaxLeeway)
	}
	for _, k := range c.Keys {
		if k.id == "" {
			return c, errors.New("verifier with an empty key (use NewPublicKey, or Key.Public)")
		}
	}
	return c, nil
}

// Verifier turns an access token into a scope, without asking the database.
type Verifier struct {
	cfg    VerifierConfig
	keys   map[string]ed25519.PublicKey
	parser *jwt.Parser
}

// NewVerifier returns a Verifier, or an error that names the field at fault.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	cfg, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range cfg.Keys {
		keys[k.id] = k.key
	}
	return &Verifier{cfg: cfg, keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithStrictDecoding(),
		// Times are checked below, where each has its own rule.
		jwt.WithoutClaimsValidation(),
	)}, nil
}

// Request is what a token was shown for.
type Request struct {
	// Tenant that was asked for, by host, path or header. The zero ID stands
	// for the token's own, where nothing else names one.
	Tenant tenancy.ID
	IP     netip.Addr
	ID     string // leads back to the request's trace or log lines
}

// Session is what a good token says.
type Session struct {
	Scope   tenancy.Scope
	ID      uuid.UUID // of the session
	Methods []string  // how the user signed in (RFC 8176): "pwd", "otp", "mfa"
	Expires time.Time // of the token
}

// Verify returns the session of an access token, with a scope of its tenant for
// its user. It costs no round trip.
//
// The errors are [ErrExpired] for a token that was good, [tenancy.ErrNotAdmitted]
// for a good one that was shown for another tenant than its own, and [ErrToken]
// for everything else.
func (v *Verifier) Verify(ctx context.Context, token string, r Request) (Session, error) {
	c, err := v.parse(token)
	if err != nil {
		return Session{}, err
	}
	tenant, errTenant := tenancy.ParseID(c.Tenant)
	user, errUser := parseUUID(c.Subject)
	id, errSession := parseUUID(c.Session)
	if errTenant != nil || errUser != nil || errSession != nil || tenant.String() != c.Tenant {
		return Session{}, ErrToken
	}
	actor := tenancy.Actor{UserID: user, Email: c.Email, IP: r.IP, Request: r.ID}
	// The token is the proof of admission: the Issuer signs one for a scope
	// only, and asks the registry again before each.
	scope, err := unverified.Scope(v.cfg.DB, actor, tenant, tenancy.Role(c.Role))
	if err != nil {
		return Session{}, ErrToken
	}
	if !r.Tenant.IsZero() && r.Tenant != tenant {
		return Session{}, v.foreign(ctx, scope, id, r.Tenant)
	}
	return Session{Scope: scope, ID: id, Methods: c.Methods, Expires: c.ExpiresAt.Time}, nil
}

// parse returns the claims of a token that is signed, meant for us, and in time.
func (v *Verifier) parse(token string) (*claims, error) {
	if len(token) > maxToken || strings.IndexFunc(token, foreignToJWT) >= 0 {
		return nil, ErrToken
	}
	c := &claims{}
	parsed, err := v.parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		// The only header fields that there are: one that says how the rest is
		// to be read ("crit", "jwk", "b64") is none of ours.
		kid, _ := t.Header["kid"].(string)
		key, ok := v.keys[kid]
		if !ok || len(t.Header) != 3 || t.Header["typ"] != tokenType {
			return nil, ErrToken
		}
		return key, nil
	})
	if err != nil || !parsed.Valid {
		return nil, ErrToken
	}
	if c.Issuer != v.cfg.Issuer || len(c.Audience) != 1 || c.Audience[0] != v.cfg.Audience ||
		c.ExpiresAt == nil || c.IssuedAt == nil {
		return nil, ErrToken
	}
	now, life := v.cfg.Now(), c.ExpiresAt.Sub(c.IssuedAt.Time)
	if c.IssuedAt.After(now.Add(v.cfg.Leeway)) || life <= 0 || life > v.cfg.MaxTTL {
		return nil, ErrToken
	}
	if c.NotBefore != nil && c.NotBefore.After(now.Add(v.cfg.Leeway)) {
		return nil, ErrToken
	}
	if !now.Before(c.ExpiresAt.Time) {
		return nil, ErrExpired
	}
	return c, nil
}

// maxToken is more than the longest address and a dozen methods need.
const maxToken = 4 << 10

// foreignToJWT finds what is not in base64url or a dot. The decoder skips line
// ends, so one token could be written in many ways.
func foreignToJWT(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// recordTime bounds a record: the request that was refused has no more time.
const recordTime = 5 * time.Second

// foreign refuses a token that was shown for another tenant: to the hook of the
// DB as any refusal, and with an event in the log of the token's own tenant,
// without a word on which it asked for.
func (v *Verifier) foreign(ctx context.Context, scope tenancy.Scope, id uuid.UUID, asked tenancy.ID) error {
	refused := v.cfg.DB.Refuse(ctx, scope.Actor(), asked)
	if v.cfg.Limiter.Allow(ctx, "foreign_tenant.session", id.String()) != nil {
		return refused
	}
	// Not the request's context: the record must not depend on the attacker
	// waiting for the answer, nor on a transaction that he is in.
	own, cancel := context.WithTimeout(context.Background(), recordTime)
	defer cancel()
	if err := audit.Log(own, v.cfg.DB.For(scope), "accounts.foreign_tenant", "session", id.String(), nil); err != nil {
		v.cfg.Failed(err)
	}
	return refused
}

// parseUUID takes the one way of writing a UUID that the Issuer uses.
func parseUUID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil || id == uuid.Nil || id.String() != s {
		return uuid.Nil, ErrToken
	}
	return id, nil
}
