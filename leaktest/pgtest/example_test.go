package pgtest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// A server for a program; a test calls New instead.
func ExampleStart() {
	ctx := context.Background()
	server, err := pgtest.Start(ctx, pgtest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Stop()
	d, err := server.CreateDatabase(ctx, "", pgtest.Config{Setup: []string{"create schema app"}})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Drop(ctx)

	conn, err := pgx.Connect(ctx, d.AppURL)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close(ctx)
	var superuser, bypasses bool
	err = conn.QueryRow(ctx, "select rolsuper, rolbypassrls from pg_roles where rolname = current_user").Scan(&superuser, &bypasses)
	fmt.Println(superuser, bypasses, err)
	// Output: false false <nil>
}
