package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/query"
	"github.com/watertight-go/watertight/tenancy"
)

// From a session to rows: a token is a scope, and only of its own tenant.
func TestATokenIsAScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	tokens := w.start(t, w.carl, w.alpha)
	v := w.verifier(t)

	s, err := v.Verify(ctx, string(tokens.Access.Reveal()), session.Request{Tenant: w.alpha})
	require.NoError(t, err)
	require.Equal(t, w.alpha, s.Scope.Tenant())
	require.Equal(t, w.carl.UserID, s.Scope.Actor().UserID)
	require.Equal(t, w.carl.Email, s.Scope.Actor().Email)
	require.Equal(t, tenancy.RoleMember, s.Scope.Role())
	require.Equal(t, tokens.Session, s.ID)
	require.Equal(t, []string{"pwd"}, s.Methods)
	users, err := query.New(w.db.For(s.Scope)).ListUsers(ctx, w.alpha)
	require.NoError(t, err)
	require.Len(t, users, 2)
	// Where nothing names a tenant, it is the token's own.
	s, err = v.Verify(ctx, string(tokens.Access.Reveal()), session.Request{})
	require.NoError(t, err)
	require.Equal(t, w.alpha, s.Scope.Tenant())

	next, err := w.issuer(t).Refresh(ctx, tokens.Refresh, "test browser", session.Request{})
	require.NoError(t, err)
	_, err = v.Verify(ctx, string(next.Access.Reveal()), session.Request{Tenant: w.alpha})
	require.NoError(t, err)
	require.Equal(t, tokens.Session, next.Session)
}

// A token of one tenant is not let into another, although the user has an
// account there; his own tenant's log says that it was tried, and not where.
func TestATokenForAnotherTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	var heard []tenancy.Refusal
	db, err := tenancy.Open(ctx, w.AppURL, tenancy.Config{
		Key: w.Key, Registry: accounts.Registry{}, Refused: func(_ context.Context, r tenancy.Refusal) { heard = append(heard, r) },
	})
	require.NoError(t, err)
	defer db.Close()
	token := string(w.start(t, w.anna, w.alpha).Access.Reveal())
	v := w.verifier(t, func(c *session.VerifierConfig) { c.DB = db })

	_, err = v.Verify(ctx, token, session.Request{Tenant: w.beta})
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	require.Equal(t, []string{"accounts.foreign_tenant"}, w.events(t, w.alpha))
	require.Empty(t, w.events(t, w.beta))
	require.Len(t, heard, 1)
	require.Equal(t, w.beta, heard[0].Tenant)
	conn, err := pgx.Connect(ctx, w.AdminURL)
	require.NoError(t, err)
	defer conn.Close(ctx)
	var told int
	require.NoError(t, conn.QueryRow(ctx, "select count(*) from watertight.audit_event e where tenant_id = $1 and e::text like '%' || $2 || '%'", w.alpha, w.beta.String()).Scan(&told))
	require.Zero(t, told, "Alpha's log does not name Beta")

	// A tenant that does not exist has the same answer.
	_, err = v.Verify(ctx, token, session.Request{Tenant: tenancy.NewID()})
	require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	// The log does not fill up.
	for range 30 {
		_, err = v.Verify(ctx, token, session.Request{Tenant: w.beta})
		require.ErrorIs(t, err, tenancy.ErrNotAdmitted)
	}
	require.Len(t, w.events(t, w.alpha), 10)
	_, err = v.Verify(ctx, token, session.Request{Tenant: w.alpha})
	require.NoError(t, err, "the control")
	// To work in Beta she signs in there.
	_, err = v.Verify(ctx, string(w.start(t, w.anna, w.beta).Access.Reveal()), session.Request{Tenant: w.beta})
	require.NoError(t, err)
}

func TestConfigs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issuer := session.IssuerConfig{DB: w.db, Key: w.key, Issuer: "i", Audience: "a"}
	_, err := session.NewIssuer(issuer)
	require.NoError(t, err)
	for want, change := range map[string]func(*session.IssuerConfig){
		"without a database":         func(c *session.IssuerConfig) { c.DB = nil },
		"without a key":              func(c *session.IssuerConfig) { c.Key = session.Key{} },
		"without issuer or audience": func(c *session.IssuerConfig) { c.Audience = "" },
		"cannot live for 1h0m0s":     func(c *session.IssuerConfig) { c.TTL = time.Hour },
		"outlast its tokens":         func(c *session.IssuerConfig) { c.MaxAge = time.Second },
	} {
		cfg := issuer
		change(&cfg)
		_, err := session.NewIssuer(cfg)
		require.ErrorContains(t, err, want)
	}
	verifier := session.VerifierConfig{DB: w.db, Keys: []session.PublicKey{w.key.Public()}, Issuer: "i", Audience: "a"}
	_, err = session.NewVerifier(verifier)
	require.NoError(t, err)
	for want, change := range map[string]func(*session.VerifierConfig){
		"without a database":          func(c *session.VerifierConfig) { c.DB = nil },
		"with 0 keys":                 func(c *session.VerifierConfig) { c.Keys = nil },
		"with 3 keys":                 func(c *session.VerifierConfig) { c.Keys = append(c.Keys, c.Keys[0], c.Keys[0]) },
		"an empty key":                func(c *session.VerifierConfig) { c.Keys = []session.PublicKey{{}} },
		"without issuer or audience":  func(c *session.VerifierConfig) { c.Issuer = "" },
		"tokens of 20m0s":             func(c *session.VerifierConfig) { c.MaxTTL = 20 * time.Minute },
		"a leeway of 31s is too long": func(c *session.VerifierConfig) { c.Leeway = 31 * time.Second },
	} {
		cfg := verifier
		change(&cfg)
		_, err := session.NewVerifier(cfg)
		require.ErrorContains(t, err, want)
	}
	_, err = session.NewKey(crypto.SecretString("short"))
	require.ErrorContains(t, err, "has 5 bytes, not 32")
	_, err = session.NewPublicKey(nil)
	require.Error(t, err)
}
