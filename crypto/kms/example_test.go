package kms_test

import (
	"context"
	"fmt"
	"log"

	"gocloud.dev/secrets/localsecrets"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/crypto/kms"
	"github.com/watertight-go/watertight/tenancy"
)

// The data keys of the tenants are wrapped by a key of a key management service.
// Here the Go CDK's local keeper stands for one; with a service it is
//
//	kek, err := kms.Open(ctx, "awskms:///alias/watertight?region=eu-central-1")
func Example() {
	ctx := context.Background()
	key, err := localsecrets.NewRandomKey()
	if err != nil {
		log.Fatal(err)
	}
	kek, err := kms.New(localsecrets.NewKeeper(key), "local://example")
	if err != nil {
		log.Fatal(err)
	}
	defer kek.Close()
	ring, err := crypto.NewRing(crypto.RingConfig{Store: insecurekeys.NewStore(), KEKs: []crypto.KEK{kek}})
	if err != nil {
		log.Fatal(err)
	}

	tenant := tenancy.NewID()
	ref := crypto.Ref{Table: "door", Column: "code", Row: crypto.RowInt(1)}
	sealed, err := ring.Seal(ctx, tenant, ref, crypto.SecretString("4711"))
	if err != nil {
		log.Fatal(err)
	}
	secret, err := ring.Open(ctx, tenant, ref, sealed)
	fmt.Println(string(secret.Reveal()), err, ring.WrapsWith())
	// Output: 4711 <nil> local://example
}
