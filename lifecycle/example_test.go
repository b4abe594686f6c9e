package lifecycle_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/watertight-go/watertight/audit"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/lifecycle"
	"github.com/watertight-go/watertight/tenancy"
)

// One tenant leaves as one bundle, with nothing of the others in it.
func Example() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	seal(ctx, e) // in production the sealer runs all the time
	_, url, err := e.NewLogin(ctx, "in role watertight_lifecycle")
	if err != nil {
		log.Fatal(err)
	}
	db, err := lifecycle.Open(ctx, url, lifecycle.Config{Key: e.Key})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	var bundle bytes.Buffer // a file; age encrypts it for ExportConfig.Recipients
	operator := tenancy.Actor{Email: "olga@operator.example"}
	out, err := db.Export(ctx, operator, e.Alpha, &bundle, lifecycle.ExportConfig{})
	if err != nil {
		log.Fatal(err)
	}
	manifest, digest, err := lifecycle.Inspect(bytes.NewReader(bundle.Bytes()))
	fmt.Println("as exported:", digest == out.Digest, err)
	for _, table := range manifest.Tables {
		if table.Rows > 0 {
			fmt.Println(table.Name, table.Rows)
		}
	}
	fmt.Println("Anna:", bytes.Contains(bundle.Bytes(), []byte(e.Anna.Email)), "Bob:", bytes.Contains(bundle.Bytes(), []byte(e.Bob.Email)))
	// Output:
	// as exported: true <nil>
	// watertight.tenants 1
	// watertight.users 1
	// watertight.memberships 1
	// Anna: true Bob: false
}

func seal(ctx context.Context, e *pgtest.Example) {
	key, _, err := audit.NewSigningKey("log.example.com")
	if err != nil {
		log.Fatal(err)
	}
	_, url, err := e.NewLogin(ctx, "in role watertight_sealer")
	if err != nil {
		log.Fatal(err)
	}
	sealer, err := audit.OpenSealer(ctx, url, audit.SealerConfig{Keys: []audit.SigningKey{key}})
	if err != nil {
		log.Fatal(err)
	}
	defer sealer.Close()
	if _, err := sealer.Seal(ctx); err != nil {
		log.Fatal(err)
	}
}
