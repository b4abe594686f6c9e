// Package session keeps people signed in: an access token that is good for one
// minute in one tenant, and a refresh handle that is good once.
//
// # Starting
//
// Somebody has signed in, with accounts.SignIn or another way that ended in
// DB.Admit, and there is a scope:
//
//	key, err := session.NewKey(seed) // 32 bytes, from where secrets are kept
//	issuer, err := session.NewIssuer(session.IssuerConfig{
//		DB: db, Key: key, Issuer: "https://id.example", Audience: "bookings",
//	})
//	tokens, err := issuer.Start(ctx, scope, r.UserAgent(), "pwd")
//
// # Each request
//
//	verifier, err := session.NewVerifier(session.VerifierConfig{
//		DB: db, Keys: []session.PublicKey{key.Public()}, Issuer: "https://id.example", Audience: "bookings",
//	})
//	s, err := verifier.Verify(ctx, token, session.Request{Tenant: tenantOfTheHost, IP: ip})
//	q := query.New(db.For(s.Scope))
//
// Verifying asks no database: from the token to the scope there is no round
// trip. A token of one tenant that is shown for another is
// tenancy.ErrNotAdmitted, with an event in the log of its own tenant. To work in
// another tenant is to sign in there.
//
// # Each minute
//
//	tokens, err := issuer.Refresh(ctx, handle, r.UserAgent(), session.Request{IP: ip})
//
// The registry is asked again, so whoever was removed from the tenant gets no
// further token. Two who come with the same handle are a user and a thief, or a
// client that does not wait for its own answer; who is who cannot be told, and
// the session ends ([ErrReused]). A client refreshes one at a time, and signs
// in again if an answer was lost on the way.
//
// # The token
//
// A JWT (RFC 7519) in compact form, signed with Ed25519 (RFC 8037):
//
//	{"alg":"EdDSA","kid":"…","typ":"wt-session+jwt"}
//	{"iss":"https://id.example","sub":"<user>","aud":["bookings"],"exp":…,"iat":…,
//	 "tid":"<tenant>","sid":"<session>","email":"…","role":"member","amr":["pwd"]}
//
// The header has these three fields and no other; "alg" is fixed, and "kid"
// names one of at most two keys (the first 12 bytes of the SHA-256 of the public
// key, base64url). "iss" and "aud" must be exactly what the verifier wants. A
// token that was given a longer life than the verifier accepts is refused, and
// an expired one is expired at once: the leeway is for an issuer whose clock is
// ahead, and stretches no life.
//
// # Changing the key
//
// Give every verifier the new key beside the old one, then the issuer the new
// one, and take the old one from the verifiers when its last token has expired.
//
// # The handle
//
// 256 random bits for the session and 256 for each turn, of which the database
// has SHA-256 hashes. The bytes are in handle.go. A session is one row in
// watertight.sessions, whatever the number of refreshes.
//
// # Limits
//
// An access token cannot be taken back: after a sign-out, a removal or a change
// of role it is good for the rest of its minute. Whoever holds the signing key
// is every user of every tenant.
package session
