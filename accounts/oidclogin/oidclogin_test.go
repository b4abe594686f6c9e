package oidclogin

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/tenancy"
)

const (
	client = "client-1"
	nonce  = "n-0S6_WzA2Mj"
)

// provider is an OpenID Connect provider in this process.
type provider struct {
	url string
	now time.Time

	mu   sync.Mutex
	down bool
	keys []oidctest.PublicKey
}

var (
	rsaKey   = must(rsa.GenerateKey(rand.Reader, 2048))
	otherKey = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey    = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
)

func must[K any](k K, err error) K {
	if err != nil {
		panic(err)
	}
	return k
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), keys: []oidctest.PublicKey{
		{PublicKey: rsaKey.Public(), KeyID: "rsa", Algorithm: "RS256"}, {PublicKey: ecKey.Public(), KeyID: "ec", Algorithm: "ES256"},
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		s := oidctest.Server{PublicKeys: p.keys}
		s.SetIssuer(p.url)
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *provider) config(change ...func(*Config)) Config {
	cfg := Config{Issuer: p.url, ClientID: client, Domains: []string{"alpha.example"}, now: func() time.Time { return p.now }}
	for _, c := range change {
		c(&cfg)
	}
	return cfg
}

func (p *provider) open(t *testing.T, change ...func(*Config)) *Provider {
	t.Helper()
	// A context that is over when the keys are fetched.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	v, err := New(ctx, p.config(change...))
	require.NoError(t, err)
	return v
}

// token signs the claims of a good token, changed.
func (p *provider) token(key crypto.PrivateKey, kid, alg string, change map[string]any) string {
	c := map[string]any{
		"iss": p.url, "aud": client, "sub": "1100", "nonce": nonce, "hd": "alpha.example", "name": "Anna",
		"email": "anna@alpha.example", "email_verified": true,
		"iat": p.now.Add(-time.Second).Unix(), "exp": p.now.Add(time.Hour).Unix(),
	}
	maps.Copy(c, change)
	for k, v := range c {
		if v == nil {
			delete(c, k)
		}
	}
	return oidctest.SignIDToken(key, kid, alg, string(must(json.Marshal(c))))
}

func (p *provider) good(change map[string]any) string { return p.token(rsaKey, "rsa", "RS256", change) }

func TestIdentityOfAToken(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.open(t)
	id, err := v.Verify(t.Context(), p.good(nil), nonce)
	require.NoError(t, err)
	require.Equal(t, middleware.Identity{Actor: tenancy.Actor{UserID: UserID(p.url, "1100"), Email: "anna@alpha.example"}}, id)

	again, err := v.Verify(t.Context(), p.token(ecKey, "ec", "ES256", map[string]any{"email": "renamed@alpha.example"}), nonce)
	require.NoError(t, err)
	require.Equal(t, id.Actor.UserID, again.Actor.UserID, "an address that changes changes nobody")

	for name, c := range map[string]struct {
		change map[string]any
		email  string
	}{
		"not verified":         {map[string]any{"email_verified": false}, ""},
		"says nothing":         {map[string]any{"email_verified": nil}, ""},
		"a string":             {map[string]any{"email_verified": "true"}, "anna@alpha.example"},
		"a false string":       {map[string]any{"email_verified": "false"}, ""},
		"another word":         {map[string]any{"email_verified": "yes"}, ""},
		"of the domain's":      {map[string]any{"email_verified": nil, "xms_edov": "1"}, "anna@alpha.example"},
		"not of the domain's":  {map[string]any{"email_verified": nil, "xms_edov": false}, ""},
		"an object is no true": {map[string]any{"email_verified": map[string]any{"true": true}}, ""},
	} {
		id, err := v.Verify(t.Context(), p.good(c.change), nonce)
		require.NoError(t, err, name)
		require.Equal(t, c.email, id.Actor.Email, name)
	}
	for name, c := range map[string]struct {
		change map[string]any
		want   bool
	}{
		"none":          {nil, false},
		"one factor":    {map[string]any{"amr": []string{"pwd"}}, false},
		"two":           {map[string]any{"amr": []string{"pwd", "mfa"}}, true},
		"one string":    {map[string]any{"amr": "mfa"}, true},
		"as level":      {map[string]any{"acr": "mfa"}, true},
		"empty":         {map[string]any{"acr": "", "amr": []string{""}}, false},
		"part of words": {map[string]any{"amr": []string{"nomfa"}}, false},
	} {
		id, err := v.Verify(t.Context(), p.good(c.change), nonce)
		require.NoError(t, err, name)
		require.Equal(t, c.want, id.SecondFactor, name)
	}
}

func TestBadTokens(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.open(t)
	_, err := v.Verify(t.Context(), p.good(nil), nonce)
	require.NoError(t, err, "positive control")
	at := func(d time.Duration) int64 { return p.now.Add(d).Unix() }
	for name, change := range map[string]map[string]any{
		"another issuer":   {"iss": "https://evil.example"},
		"another client":   {"aud": "client-2"},
		"a second client":  {"aud": []string{client, "client-2"}},
		"no client":        {"aud": []string{}},
		"issued to other":  {"azp": "client-2"},
		"another nonce":    {"nonce": "other"},
		"no nonce":         {"nonce": nil},
		"empty nonce":      {"nonce": ""},
		"expired":          {"exp": at(-time.Second)},
		"no expiry":        {"exp": nil},
		"not yet":          {"nbf": at(6 * time.Minute)},
		"old":              {"iat": at(-11 * time.Minute)},
		"no time of issue": {"iat": nil},
		"from the future":  {"iat": at(3 * time.Minute)},
		"no subject":       {"sub": nil},
		"empty subject":    {"sub": ""},
		"subject a number": {"sub": 1100},
		"another domain":   {"hd": "beta.example"},
		"no domain":        {"hd": nil},
		"private account with an address in the domain": {"hd": nil, "email": "eve@alpha.example"},
		"domain in other letters":                       {"hd": "alpha.example.evil.example"},
		"list of domains":                               {"hd": []string{"alpha.example"}},
	} {
		id, err := v.Verify(t.Context(), p.good(change), nonce)
		require.ErrorIs(t, err, middleware.ErrUnauthenticated, name)
		require.Zero(t, id, name)
		require.NotContains(t, err.Error(), "evil", name)
		require.NotContains(t, err.Error(), "client-2", name)
	}
	for name, change := range map[string]map[string]any{
		"clock ahead by a minute": {"iat": at(time.Minute)},
		"issued to us":            {"azp": client},
		"audience as a list":      {"aud": []string{client}},
	} {
		_, err := v.Verify(t.Context(), p.good(change), nonce)
		require.NoError(t, err, name)
	}
	_, err = v.Verify(t.Context(), p.good(map[string]any{"nonce": ""}), "")
	require.ErrorContains(t, err, "no nonce given")
}

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.open(t)
	good := p.good(nil)
	part := strings.Split(good, ".")
	enc := base64.RawURLEncoding.EncodeToString
	payload := string(must(base64.RawURLEncoding.DecodeString(part[1])))
	forged := map[string]string{
		"another key":      p.token(otherKey, "rsa", "RS256", nil),
		"another key's id": p.token(otherKey, "other", "RS256", nil),
		"not allowed alg":  p.token(rsaKey, "rsa", "RS512", nil),
		"none":             enc([]byte(`{"alg":"none"}`)) + "." + part[1] + ".",
		"none in capitals": enc([]byte(`{"alg":"None"}`)) + "." + part[1] + ".",
		"no signature":     part[0] + "." + part[1] + ".",
		"another subject":  part[0] + "." + enc([]byte(strings.Replace(payload, `"1100"`, `"1101"`, 1))) + "." + part[2],
		"hmac header":      enc([]byte(`{"alg":"HS256","kid":"rsa"}`)) + "." + part[1] + "." + part[2],
		"empty":            "",
		"long":             strings.Repeat("a", maxToken+1),
		"unsigned json":    `{"payload":"` + part[1] + `"}`,
	}
	for name, token := range forged {
		_, err := v.Verify(t.Context(), token, nonce)
		require.ErrorIs(t, err, middleware.ErrUnauthenticated, name)
	}
	for n := 0; n < len(good); n += 7 {
		_, err := v.Verify(t.Context(), good[:n], nonce)
		require.ErrorIs(t, err, middleware.ErrUnauthenticated, "the first %d bytes", n)
	}
}

func TestKeysChangeAndFail(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	v := p.open(t)
	set := func(down bool, keys ...oidctest.PublicKey) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.down, p.keys = down, keys
	}
	_, err := v.Verify(t.Context(), p.good(nil), nonce)
	require.NoError(t, err)
	next := p.token(otherKey, "next", "RS256", nil)
	_, err = v.Verify(t.Context(), next, nonce)
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	set(false, oidctest.PublicKey{PublicKey: otherKey.Public(), KeyID: "next", Algorithm: "RS256"})
	_, err = v.Verify(t.Context(), next, nonce)
	require.NoError(t, err, "a key that the provider has changed to")
	set(true)
	_, err = v.Verify(t.Context(), p.token(ecKey, "third", "ES256", nil), nonce)
	require.ErrorContains(t, err, "keys cannot be fetched")
	require.NotErrorIs(t, err, middleware.ErrUnauthenticated, "nobody knows whether it is good")

	_, err = New(t.Context(), p.config())
	require.ErrorContains(t, err, "metadata")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = v.Verify(ctx, p.token(ecKey, "fourth", "ES256", nil), nonce)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAccountsAreBoundByIssuerAndSubject(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	tenant, user, boom := tenancy.NewID(), uuid.New(), errors.New("boom")
	answer := func(id uuid.UUID, err error) func(*Config) {
		return func(c *Config) {
			c.Tenant, c.Domains, c.AnyAccount = tenant, nil, true
			c.User = func(_ context.Context, who Person) (uuid.UUID, error) {
				require.Equal(t, Person{Issuer: p.url, Subject: "1100", Name: "Anna"}, who)
				return id, err
			}
		}
	}
	unverified := p.good(map[string]any{"hd": nil, "email_verified": false})
	id, err := p.open(t, answer(user, nil)).Verify(t.Context(), unverified, nonce)
	require.NoError(t, err)
	require.Equal(t, user, id.Actor.UserID)
	require.Equal(t, tenant, id.Tenant, "the customer's provider speaks for the customer alone")
	_, err = p.open(t, answer(uuid.Nil, nil)).Verify(t.Context(), unverified, nonce)
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	_, err = p.open(t, answer(uuid.Nil, boom)).Verify(t.Context(), unverified, nonce)
	require.ErrorIs(t, err, boom)

	byObject := p.open(t, func(c *Config) { c.Subject = "oid" })
	_, err = byObject.Verify(t.Context(), p.good(nil), nonce)
	require.ErrorIs(t, err, middleware.ErrUnauthenticated, "no oid")
	id, err = byObject.Verify(t.Context(), p.good(map[string]any{"oid": "o-1"}), nonce)
	require.NoError(t, err)
	require.Equal(t, UserID(p.url, "o-1"), id.Actor.UserID)

	byDirectory := p.open(t, func(c *Config) { c.Domains, c.Directory = nil, "d-1" })
	_, err = byDirectory.Verify(t.Context(), p.good(map[string]any{"tid": "d-2"}), nonce)
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	_, err = byDirectory.Verify(t.Context(), p.good(map[string]any{"tid": "d-1"}), nonce)
	require.NoError(t, err)
}

func TestUserID(t *testing.T) {
	t.Parallel()
	id := UserID("https://accounts.google.com", "1100")
	require.Equal(t, "c1c7fc96-3af5-8af4-b8ef-d9623cdc9888", id.String(), "never changes: it is in databases")
	require.Equal(t, uuid.Version(8), id.Version())
	require.Equal(t, uuid.RFC4122, id.Variant())
	require.NotEqual(t, UserID("a", "bc"), UserID("ab", "c"))
	require.NotEqual(t, id, UserID("https://accounts.google.com", "1101"))
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	const dir = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	entraURL := func(d string) string { return "https://login.microsoftonline.com/" + d + "/v2.0" }
	for want, cfg := range map[string]Config{
		"is no issuer":                           {Issuer: "accounts.google.com", ClientID: client, AnyAccount: true},
		"is not https":                           {Issuer: "http://idp.example", ClientID: client, AnyAccount: true},
		"ClientID is empty":                      {Issuer: "https://idp.example", AnyAccount: true},
		"0 of Domains, Directory and AnyAccount": {Issuer: "https://idp.example", ClientID: client},
		"2 of Domains, Directory and AnyAccount": {Issuer: "https://idp.example", ClientID: client, AnyAccount: true, Domains: []string{"a.example"}},
		`Domains has "@alpha.example"`:           {Issuer: "https://idp.example", ClientID: client, Domains: []string{"@alpha.example"}},
		`Domains has ""`:                         {Issuer: "https://idp.example", ClientID: client, Domains: []string{""}},
		"every directory in the world":           {Issuer: entraURL("common"), ClientID: client, Directory: "common"},
		"in place of organizations":              {Issuer: entraURL("organizations"), ClientID: client, AnyAccount: true},
		"in place of {tenantid}":                 {Issuer: entraURL("{tenantid}"), ClientID: client, Directory: "{tenantid}"},
		"all private Microsoft accounts":         {Issuer: entraURL(consumers), ClientID: client, Directory: consumers},
		"Directory is not that of Issuer":        {Issuer: entraURL(dir), ClientID: client, Directory: strings.Replace(dir, "7", "8", 1)},
		`Subject is "email"`:                     {Issuer: "https://idp.example", ClientID: client, AnyAccount: true, Subject: "email"},
		`Algorithms has "HS256"`:                 {Issuer: "https://idp.example", ClientID: client, AnyAccount: true, Algorithms: []string{"HS256"}},
		`Algorithms has "none"`:                  {Issuer: "https://idp.example", ClientID: client, AnyAccount: true, Algorithms: []string{"none"}},
		"write the provider's URL":               {Issuer: "https://user:pw@idp.example", ClientID: client, AnyAccount: true},
	} {
		_, err := New(t.Context(), cfg)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "user:pw")
	}
	good := Config{Issuer: entraURL(dir), ClientID: client, Directory: dir}
	require.NoError(t, good.validate())
}
