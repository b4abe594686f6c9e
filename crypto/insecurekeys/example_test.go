package insecurekeys_test

import (
	"context"
	"fmt"
	"log"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/tenancy"
)

// A ring for a test, that needs no database and no key service.
func ExampleNewRing() {
	ctx := context.Background()
	ring, err := insecurekeys.NewRing()
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
	fmt.Println(string(secret.Reveal()), err)
	// Output: 4711 <nil>
}
