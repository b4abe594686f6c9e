package session_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/tenancy"
)

// forger writes tokens by hand, without the library that reads them.
type forger struct {
	header, body map[string]any
	sign         func(signed []byte) []byte
}

func segment(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (f forger) token() string {
	signed := segment(f.header) + "." + segment(f.body)
	return signed + "." + base64.RawURLEncoding.EncodeToString(f.sign([]byte(signed)))
}

// forger returns a forger of a token for Carl that is good as it is, made with
// a seed of its own, and the verifier that knows the seed's key.
func (w *world) forger(t *testing.T) (forger, ed25519.PrivateKey) {
	t.Helper()
	seed := session.GenerateSeed()
	var err error
	w.key, err = session.NewKey(seed)
	require.NoError(t, err)
	private := ed25519.NewKeyFromSeed(seed.Reveal())
	return forger{
		header: map[string]any{"alg": "EdDSA", "typ": "wt-session+jwt", "kid": w.key.Public().ID()},
		body: map[string]any{
			"iss": "https://id.example", "aud": []string{"bookings"}, "sub": w.carl.UserID.String(), "email": w.carl.Email,
			"iat": w.clock.Unix(), "exp": w.clock.Add(time.Minute).Unix(),
			"tid": w.alpha.String(), "sid": uuid.NewString(), "role": "member", "amr": []string{"pwd"},
		},
		sign: func(b []byte) []byte { return ed25519.Sign(private, b) },
	}, private
}

func (f forger) with(change func(*forger)) forger {
	f.header, f.body = maps.Clone(f.header), maps.Clone(f.body)
	change(&f)
	return f
}

// Each of these is refused in the same words, while the same forger's token is
// accepted without the change.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, private := w.forger(t)
	v := w.verifier(t)
	public := private.Public().(ed25519.PublicKey)
	_, stranger, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)

	hs256 := func(key []byte) func([]byte) []byte {
		return func(b []byte) []byte {
			m := hmac.New(sha256.New, key)
			m.Write(b)
			return m.Sum(nil)
		}
	}
	header := func(k string, x any) func(*forger) { return func(f *forger) { f.header[k] = x } }
	body := func(k string, x any) func(*forger) { return func(f *forger) { f.body[k] = x } }
	without := func(k string) func(*forger) { return func(f *forger) { delete(f.body, k); delete(f.header, k) } }
	cases := map[string]func(*forger){
		"none":                        func(f *forger) { f.header["alg"] = "none"; f.sign = func([]byte) []byte { return nil } },
		"none, with the signature":    header("alg", "none"),
		"None":                        func(f *forger) { f.header["alg"] = "None"; f.sign = func([]byte) []byte { return nil } },
		"HS256 with the public key":   func(f *forger) { f.header["alg"] = "HS256"; f.sign = hs256(public) },
		"HS512 in name":               header("alg", "HS512"),
		"HMAC under EdDSA":            func(f *forger) { f.sign = hs256(public) },
		"another algorithm's name":    header("alg", "ES256"),
		"RSA's name":                  header("alg", "RS256"),
		"Ed25519's other name":        header("alg", "Ed25519"),
		"the name in small letters":   header("alg", "eddsa"),
		"no algorithm":                without("alg"),
		"another key":                 func(f *forger) { f.sign = func(b []byte) []byte { return ed25519.Sign(stranger, b) } },
		"a key of its own in it":      header("jwk", map[string]any{"kty": "OKP"}),
		"a key by address":            header("jku", "https://evil.example/keys"),
		"a critical field":            header("crit", []string{"b64"}),
		"no key id":                   without("kid"),
		"an unknown key id":           header("kid", "AAAAAAAAAAAAAAAA"),
		"a key id that is no text":    header("kid", 1),
		"a key id that is a path":     header("kid", "../../dev/null"),
		"another type":                header("typ", "JWT"),
		"an access token of OAuth":    header("typ", "at+jwt"),
		"no type":                     without("typ"),
		"another issuer":              body("iss", "https://evil.example"),
		"an issuer with a slash":      body("iss", "https://id.example/"),
		"no issuer":                   without("iss"),
		"another audience":            body("aud", []string{"invoices"}),
		"one audience more":           body("aud", []string{"bookings", "invoices"}),
		"no audience":                 without("aud"),
		"no expiry":                   without("exp"),
		"no time of issue":            without("iat"),
		"a life of two minutes":       body("exp", w.clock.Add(2*time.Minute).Unix()),
		"a life of ten years":         body("exp", w.clock.AddDate(10, 0, 0).Unix()),
		"an expiry that is no number": body("exp", "never"),
		"an endless expiry":           body("exp", json.Number("1e300")),
		"not yet":                     body("nbf", w.clock.Add(time.Hour).Unix()),
		"no tenant":                   without("tid"),
		"the zero tenant":             body("tid", uuid.Nil.String()),
		"a tenant in capitals":        body("tid", strings.ToUpper(w.alpha.String())),
		"every tenant":                body("tid", "all"),
		"two tenants":                 body("tid", []string{w.alpha.String(), w.beta.String()}),
		"no user":                     without("sub"),
		"the zero user":               body("sub", uuid.Nil.String()),
		"no session":                  without("sid"),
		"no role":                     without("role"),
		"a role that is none":         body("role", "Owner; admin"),
	}
	for name, change := range cases {
		_, err := v.Verify(t.Context(), good.with(change).token(), session.Request{})
		require.Equal(t, session.ErrToken, err, name)
	}
	s, err := v.Verify(t.Context(), good.with(func(*forger) {}).token(), session.Request{Tenant: w.alpha})
	require.NoError(t, err, "the control")
	require.Equal(t, w.carl.UserID, s.Scope.Actor().UserID)

	// Forms that are not the compact one.
	token := good.token()
	for name, bad := range map[string]string{
		"nothing": "", "dots": "..", "two parts": token[:strings.LastIndex(token, ".")], "no signature": token[:strings.LastIndex(token, ".")+1],
		"four parts": token + ".x", "padding": token + "=", "a line end": token + "\n", "in front": " " + token, "Bearer": "Bearer " + token,
		"JSON": `{"payload":"x","signatures":[]}`, "long": strings.Repeat("A", 1<<20),
	} {
		_, err := v.Verify(t.Context(), bad, session.Request{})
		require.Equal(t, session.ErrToken, err, name)
	}
}

// Every change of one byte, and every cut, of a good token is refused.
func TestEveryChangeOfATokenIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, _ := w.forger(t)
	v := w.verifier(t)
	token := good.token()
	_, err := v.Verify(t.Context(), token, session.Request{})
	require.NoError(t, err, "the control")
	for i := range len(token) {
		for _, b := range []byte{token[i] ^ 1, 'A', '.', '='} {
			if b == token[i] {
				continue
			}
			_, err := v.Verify(t.Context(), token[:i]+string(rune(b&0x7f))+token[i+1:], session.Request{})
			require.Equal(t, session.ErrToken, err, "byte %d", i)
		}
		_, err := v.Verify(t.Context(), token[:i], session.Request{})
		require.Equal(t, session.ErrToken, err, "cut at %d", i)
	}
}

// Parts of two good tokens, put together, make none: neither the tenant nor the
// user can be swapped.
func TestSwappedTenantAndUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.verifier(t)
	parts := func(a tenancy.Actor, in tenancy.ID) []string {
		token := string(w.start(t, a, in).Access.Reveal())
		s, err := v.Verify(t.Context(), token, session.Request{})
		require.NoError(t, err, "the control")
		require.Equal(t, in, s.Scope.Tenant())
		require.Equal(t, a.UserID, s.Scope.Actor().UserID)
		return strings.Split(token, ".")
	}
	annaAlpha, annaBeta, carl := parts(w.anna, w.alpha), parts(w.anna, w.beta), parts(w.carl, w.alpha)
	for name, swapped := range map[string][]string{
		"tenant": {annaBeta[0], annaAlpha[1], annaBeta[2]},
		"user":   {carl[0], annaAlpha[1], carl[2]},
		"sign":   {carl[0], carl[1], annaAlpha[2]},
	} {
		_, err := v.Verify(t.Context(), strings.Join(swapped, "."), session.Request{})
		require.Equal(t, session.ErrToken, err, name)
	}
}

func TestExpiryAndSkew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := w.start(t, w.carl, w.alpha)
	issued := w.clock
	require.Equal(t, issued.Add(time.Minute), tokens.Expires)
	at := func(d, leeway time.Duration) error {
		v := w.verifier(t, func(c *session.VerifierConfig) {
			c.Leeway, c.Now = leeway, func() time.Time { return issued.Add(d) }
		})
		_, err := v.Verify(t.Context(), string(tokens.Access.Reveal()), session.Request{})
		return err
	}
	const second = time.Second
	for _, c := range []struct {
		at, leeway time.Duration
		want       error
	}{
		{0, 0, nil},
		{30 * second, 0, nil}, // a verifier that is 30 s ahead
		{59 * second, 0, nil},
		{time.Minute - time.Nanosecond, 0, nil},
		{time.Minute, 0, session.ErrExpired}, // no leeway stretches a life
		{61 * second, 0, session.ErrExpired},
		{24 * time.Hour, 0, session.ErrExpired},
		{-30 * second, 0, nil}, // a verifier that is 30 s behind
		{-31 * second, 0, session.ErrToken},
		{-10 * second, 10 * second, nil},
		{-11 * second, 10 * second, session.ErrToken},
		{-1 * second, -1, session.ErrToken}, // none
		{0, -1, nil},
	} {
		require.ErrorIs(t, at(c.at, c.leeway), c.want, "at %s with a leeway of %s", c.at, c.leeway)
	}
	// A session that ends before the minute is over takes its token along.
	i, err := session.NewIssuer(session.IssuerConfig{
		DB: w.db, Key: w.key, Issuer: "https://id.example", Audience: "bookings", Now: w.now,
		TTL: 20 * time.Second, MaxIdle: 20 * time.Second, MaxAge: 30 * time.Second,
	})
	require.NoError(t, err)
	first, err := i.Start(t.Context(), w.admit(t, w.carl, w.alpha), "")
	require.NoError(t, err)
	w.clock = issued.Add(15 * second)
	next, err := i.Refresh(t.Context(), first.Refresh, "", session.Request{})
	require.NoError(t, err)
	require.WithinDuration(t, issued.Add(30*second), next.Expires, time.Second)
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	oldKey := w.key
	old := w.start(t, w.carl, w.alpha)
	newKey, err := session.NewKey(session.GenerateSeed())
	require.NoError(t, err)
	verify := func(tokens session.Tokens, keys ...session.PublicKey) error {
		v := w.verifier(t, func(c *session.VerifierConfig) { c.Keys = keys })
		_, err := v.Verify(t.Context(), string(tokens.Access.Reveal()), session.Request{})
		return err
	}
	// First the verifiers learn the new key, then it signs, then the old one goes.
	require.NoError(t, verify(old, oldKey.Public(), newKey.Public()))
	w.key = newKey
	fresh, err := w.issuer(t).Refresh(t.Context(), old.Refresh, "", session.Request{})
	require.NoError(t, err, "a session outlives the key")
	for _, tokens := range []session.Tokens{old, fresh} {
		require.NoError(t, verify(tokens, oldKey.Public(), newKey.Public()))
	}
	require.NoError(t, verify(fresh, newKey.Public()))
	require.Equal(t, session.ErrToken, verify(old, newKey.Public()))
	require.Equal(t, session.ErrToken, verify(fresh, oldKey.Public()))

	// A token that names the other live key is checked with that one.
	good, _ := w.forger(t)
	swapped := good.with(func(f *forger) { f.header["kid"] = oldKey.Public().ID() })
	v := w.verifier(t, func(c *session.VerifierConfig) { c.Keys = []session.PublicKey{oldKey.Public(), w.key.Public()} })
	_, err = v.Verify(t.Context(), swapped.token(), session.Request{})
	require.Equal(t, session.ErrToken, err)
	_, err = v.Verify(t.Context(), good.token(), session.Request{})
	require.NoError(t, err, "the control")
}
