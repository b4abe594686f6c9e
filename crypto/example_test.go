package crypto_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/tenancy"
)

// A sealed value opens for its tenant and in its place, and nowhere else.
func ExampleRing() {
	ctx := context.Background()
	ring, err := insecurekeys.NewRing() // in production: NewRing with a key store and a KEK
	if err != nil {
		log.Fatal(err)
	}
	alpha, beta := tenancy.NewID(), tenancy.NewID()
	ref := crypto.Ref{Table: "calendar_connection", Column: "access_token", Row: crypto.RowUUID(uuid.New())}

	sealed, err := ring.Seal(ctx, alpha, ref, crypto.SecretString("ya29.token"))
	if err != nil {
		log.Fatal(err)
	}
	secret, err := ring.Open(ctx, alpha, ref, sealed)
	fmt.Println(secret, err) // a Secret does not print
	fmt.Println(string(secret.Reveal()))

	_, err = ring.Open(ctx, beta, ref, sealed)
	fmt.Println("another tenant:", errors.Is(err, crypto.ErrOpen))
	ref.Column = "refresh_token"
	_, err = ring.Open(ctx, alpha, ref, sealed)
	fmt.Println("another column:", errors.Is(err, crypto.ErrOpen))
	// Output:
	// [redacted] <nil>
	// ya29.token
	// another tenant: true
	// another column: true
}

func ExamplePasswords() {
	ctx := context.Background()
	ring, err := insecurekeys.NewRing()
	if err != nil {
		log.Fatal(err)
	}
	hasher, err := crypto.NewHasher(crypto.HasherConfig{Cost: 10})
	if err != nil {
		log.Fatal(err)
	}
	passwords, err := crypto.NewPasswords(ring, hasher)
	if err != nil {
		log.Fatal(err)
	}

	tenant, user := tenancy.NewID(), uuid.New()
	stored, err := passwords.Hash(ctx, tenant, user, crypto.SecretString("correct horse battery"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = passwords.Verify(ctx, tenant, user, stored, crypto.SecretString("correct horse battery"))
	fmt.Println(err)
	_, err = passwords.Verify(ctx, tenant, user, stored, crypto.SecretString("correct horse stapler"))
	fmt.Println(errors.Is(err, crypto.ErrMismatch))
	// The account does not exist: the same answer, after the same work.
	_, err = passwords.Verify(ctx, tenant, uuid.New(), nil, crypto.SecretString("correct horse battery"))
	fmt.Println(errors.Is(err, crypto.ErrMismatch))
	// Output:
	// <nil>
	// true
	// true
}

func ExamplePolicy() {
	about := crypto.PolicyContext{Words: []string{"Acme", "anna@acme.example"}}
	for _, password := range []string{"short", "passwordpassword", "passwordstandard", "anna@acme.example", "four quiet lamps wait"} {
		var refused *crypto.PolicyError
		err := crypto.Policy{}.Check(context.Background(), crypto.SecretString(password), about)
		if errors.As(err, &refused) {
			fmt.Println("refused:", refused.Rule)
			continue
		}
		fmt.Println("accepted", err)
	}
	// Output:
	// refused: too-short
	// refused: pattern
	// refused: common
	// refused: context
	// accepted <nil>
}
