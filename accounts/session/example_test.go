package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/accounts/session"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

// A session is good for one tenant. Its access token costs no round trip, and
// its handle is good once.
func Example() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	key, err := session.NewKey(session.GenerateSeed()) // made once, and kept where secrets are
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := session.NewIssuer(session.IssuerConfig{DB: db, Key: key, Issuer: "https://id.example", Audience: "bookings"})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := session.NewVerifier(session.VerifierConfig{
		DB: db, Keys: []session.PublicKey{key.Public()}, Issuer: "https://id.example", Audience: "bookings",
	})
	if err != nil {
		log.Fatal(err)
	}

	scope, err := db.Admit(ctx, e.Anna, e.Alpha) // Anna has just signed in
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := issuer.Start(ctx, scope, "Firefox", "pwd")
	if err != nil {
		log.Fatal(err)
	}

	access := string(tokens.Access.Reveal())
	s, err := verifier.Verify(ctx, access, session.Request{Tenant: e.Alpha})
	fmt.Println(s.Scope.Actor().Email, s.Scope.Role(), err)
	_, err = verifier.Verify(ctx, access, session.Request{Tenant: e.Beta})
	fmt.Println("for another tenant:", errors.Is(err, tenancy.ErrNotAdmitted))

	_, err = issuer.Refresh(ctx, tokens.Refresh, "Firefox", session.Request{})
	fmt.Println("refreshed:", err)
	_, err = issuer.Refresh(ctx, tokens.Refresh, "Firefox", session.Request{})
	fmt.Println("the same handle again:", errors.Is(err, session.ErrReused))
	// Output:
	// anna@alpha.example owner <nil>
	// for another tenant: true
	// refreshed: <nil>
	// the same handle again: true
}
