package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/tenancy"
)

// A file is kept sealed, and its id is worth nothing to another tenant.
func Example() {
	ctx := context.Background()
	e := pgtest.ForExample()
	defer e.Close()
	db, err := tenancy.Open(ctx, e.AppURL, tenancy.Config{Key: e.Key, Registry: accounts.Registry{}})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	bucket, err := files.OpenDir(dir) // or OpenURL for a cloud
	if err != nil {
		log.Fatal(err)
	}
	ring, err := insecurekeys.NewRing() // in production: a keystore and a KEK
	if err != nil {
		log.Fatal(err)
	}
	store, err := files.New(files.Config{DB: db, Ring: ring, Bucket: bucket})
	if err != nil {
		log.Fatal(err)
	}
	anna, err := db.Admit(ctx, e.Anna, e.Alpha)
	if err != nil {
		log.Fatal(err)
	}
	bob, err := db.Admit(ctx, e.Bob, e.Beta)
	if err != nil {
		log.Fatal(err)
	}

	f, err := store.For(anna).Create(ctx, files.Upload{Name: files.CleanName(`C:\invoices\May.txt`), Size: -1}, strings.NewReader("42 euros"))
	if err != nil {
		log.Fatal(err)
	}
	r, err := store.For(anna).Open(ctx, f.ID)
	if err != nil {
		log.Fatal(err)
	}
	content, err := io.ReadAll(r)
	r.Close()
	fmt.Println(f.Name, string(content), err)

	_, err = store.For(bob).Open(ctx, f.ID)
	fmt.Println("Bob:", errors.Is(err, files.ErrNotFound))
	// Output:
	// May.txt 42 euros <nil>
	// Bob: true
}
