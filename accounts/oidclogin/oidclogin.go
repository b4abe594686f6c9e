package oidclogin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/tenancy"
)

// maxAge is how long after its issue a token is taken: it comes straight from
// the provider, so this covers clocks that differ and a slow network.
const maxAge = 10 * time.Minute

// skew is how far the provider's clock may be ahead.
const skew = 2 * time.Minute

// maxToken bounds the length of a token, in bytes.
const maxToken = 64 << 10

// Provider verifies the ID tokens of one issuer for one client. It is safe for
// use by any number of goroutines.
type Provider struct {
	cfg      Config
	verifier *oidc.IDTokenVerifier
}

// New asks the issuer for its metadata and returns the provider, or an error
// that lists what is wrong with cfg. The keys are fetched when they are needed,
// and again when a token names one that is not known.
func New(ctx context.Context, cfg Config) (*Provider, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, cfg.Client)
	p, err := oidc.NewProvider(ctx, cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its metadata: %w (check Issuer, and that the provider can be reached)", cfg.Issuer, err)
	}
	var metadata struct {
		Keys string `json:"jwks_uri"`
	}
	if err := p.Claims(&metadata); err != nil || wrongIssuer(metadata.Keys) != "" {
		return nil, fmt.Errorf("the metadata of %s names no https address of its keys (check Issuer)", cfg.Issuer)
	}
	// Its context ends with the process: New's own may end with New.
	keys := keySet{oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), cfg.Client), metadata.Keys)}
	return &Provider{cfg: cfg, verifier: oidc.NewVerifier(cfg.Issuer, keys, &oidc.Config{
		ClientID: cfg.ClientID, SupportedSigningAlgs: slices.Clone(cfg.Algorithms), Now: cfg.now,
	})}, nil
}

// keySet remembers, for the one call, that the keys could not be fetched:
// go-oidc reports that as a signature that does not verify.
type keySet struct{ remote oidc.KeySet }

type fetchKey struct{}

func (k keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, jwt)
	if failed, ok := ctx.Value(fetchKey{}).(*bool); ok && err != nil {
		*failed = strings.HasPrefix(err.Error(), "fetching keys")
	}
	return payload, err
}

// Verify checks an ID token that the provider answered a sign-in with, and says
// whose it is. nonce is the random value that this browser's sign-in was begun
// with; it is what binds the token to the sign-in, so an empty one is an error.
//
// A token that is not good is [middleware.ErrUnauthenticated], whose text says
// which check failed and nothing of the token. Another error means that the
// keys could not be fetched, or that Config.User failed.
func (p *Provider) Verify(ctx context.Context, rawIDToken, nonce string) (middleware.Identity, error) {
	if nonce == "" {
		return middleware.Identity{}, errors.New("no nonce given (begin the sign-in with a random one and keep it in the browser's session)")
	}
	if len(rawIDToken) > maxToken {
		return middleware.Identity{}, bad("the token is too long")
	}
	unfetched := false
	token, err := p.verifier.Verify(context.WithValue(ctx, fetchKey{}, &unfetched), rawIDToken)
	switch {
	case ctx.Err() != nil:
		return middleware.Identity{}, ctx.Err()
	case unfetched:
		return middleware.Identity{}, errors.New("the provider's keys cannot be fetched (check that it can be reached)")
	case err != nil:
		return middleware.Identity{}, failure(err)
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return middleware.Identity{}, bad("a claim has another type than it should")
	}
	if err := p.check(token, &c, nonce); err != nil {
		return middleware.Identity{}, err
	}
	return p.identity(ctx, &c)
}

func (p *Provider) identity(ctx context.Context, c *claims) (middleware.Identity, error) {
	// The configured issuer: Google's tokens may leave the scheme out.
	person := Person{Issuer: p.cfg.Issuer, Subject: c.subject(p.cfg.Subject), Email: c.verifiedEmail(), Name: c.Name}
	user, err := p.cfg.User(ctx, person)
	switch {
	case err != nil:
		return middleware.Identity{}, fmt.Errorf("find the account of a person at %s: %w", p.cfg.Issuer, err)
	case user == uuid.Nil:
		return middleware.Identity{}, bad("the person has no account")
	}
	return middleware.Identity{
		Actor:        tenancy.Actor{UserID: user, Email: person.Email},
		Tenant:       p.cfg.Tenant,
		SecondFactor: c.tells(p.cfg.SecondFactor),
	}, nil
}

// check is what go-oidc leaves to its callers.
func (p *Provider) check(token *oidc.IDToken, c *claims, nonce string) error {
	now := p.cfg.now()
	switch {
	case len(token.Audience) != 1:
		// OpenID Connect Core, section 3.1.3.7, step 3.
		return bad("the token is for other clients too")
	case c.AuthorizedParty != "" && c.AuthorizedParty != p.cfg.ClientID:
		return bad("the token was issued to another client")
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1:
		return bad("the token is of another sign-in")
	case token.IssuedAt.Before(now.Add(-maxAge)):
		return bad("the token was issued too long ago")
	case token.IssuedAt.After(now.Add(skew)):
		return bad("the token is from the future")
	case c.subject(p.cfg.Subject) == "":
		return bad("the token has no subject")
	case len(p.cfg.Domains) > 0 && !slices.Contains(p.cfg.Domains, c.HostedDomain):
		return bad("the account's domain may not sign in")
	case p.cfg.Directory != "" && c.Directory != p.cfg.Directory:
		return bad("the account's directory may not sign in")
	}
	return nil
}

// bad is ErrUnauthenticated with the check that failed.
func bad(why string) error { return fmt.Errorf("%s: %w", why, middleware.ErrUnauthenticated) }

// failure leaves the cause's text out, which can quote the token.
func failure(err error) error {
	if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return bad("the token has expired")
	}
	return bad("the token does not verify")
}

// UserID derives an account's id from issuer and subject: a UUID of version 8
// (RFC 9562, section 5.8) of their SHA-256. The same person has the same id in
// every tenant, at every sign-in, and no other pair has it.
func UserID(issuer, subject string) uuid.UUID {
	h := sha256.New()
	h.Write([]byte("watertight oidc user\x00"))
	// With the length in front, no other pair is the same text.
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(issuer))))
	h.Write([]byte(issuer))
	h.Write([]byte(subject))
	id := uuid.UUID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
