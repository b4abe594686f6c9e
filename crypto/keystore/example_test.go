package keystore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// The wrapped data keys stand in Postgres, the key that wraps them in a file.
// Destroying a tenant's keys makes what was sealed for it unreadable.
func Example() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	dir, err := os.MkdirTemp("", "kek")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	kek, err := crypto.CreateKeyFile(filepath.Join(dir, "kek")) // as watertight keys init does
	if err != nil {
		log.Fatal(err)
	}
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store, err := keystore.New(db)
	if err != nil {
		log.Fatal(err)
	}
	ring, err := crypto.NewRing(crypto.RingConfig{Store: store, KEKs: []crypto.KEK{kek}})
	if err != nil {
		log.Fatal(err)
	}

	ref := crypto.Ref{Table: "door", Column: "code", Row: crypto.RowInt(1)}
	sealed, err := ring.Seal(ctx, e.Alpha, ref, crypto.SecretString("4711"))
	if err != nil {
		log.Fatal(err)
	}
	secret, err := ring.Open(ctx, e.Alpha, ref, sealed)
	fmt.Println(string(secret.Reveal()), err)

	sys, err := crosstenant.Open(ctx, e.SystemURL, crosstenant.Config{Key: e.Key, Record: crosstenant.Log(slog.New(slog.DiscardHandler))})
	if err != nil {
		log.Fatal(err)
	}
	defer sys.Close()
	err = sys.Run(ctx, tenancy.Actor{Email: "olga@operator.example"}, "contract ended", func(ctx context.Context, c *crosstenant.Conn) error {
		n, err := keystore.Destroy(ctx, c, e.Alpha)
		fmt.Println("destroyed:", n)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	ring.Clear() // other processes forget within the ring's TTL, or at once if they Watch
	_, err = ring.Open(ctx, e.Alpha, ref, sealed)
	fmt.Println("lost:", errors.Is(err, crypto.ErrOpen))
	// Output:
	// 4711 <nil>
	// destroyed: 1
	// lost: true
}
