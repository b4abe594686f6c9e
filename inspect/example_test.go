package inspect_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/inspect"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// A key without the tenant, in a table that is protected otherwise.
func Example() {
	ctx := context.Background()
	e := pgtest.ForExample(`
		create schema app;
		create table app.rooms (tenant_id uuid not null, id bigint not null, name text not null, primary key (tenant_id, id));
		select watertight.protect('app.rooms');
		create unique index rooms_name on app.rooms (name);`)
	defer e.Close()
	conn, err := pgx.Connect(ctx, e.AdminURL)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close(ctx)

	report, err := inspect.Check(ctx, conn, inspect.Config{AppRole: "watertight_app"})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Severity == inspect.Error {
			fmt.Println(f.Rule, f.Object)
			fmt.Println(f.Fix)
		}
	}
	// Output:
	// WTI063 rooms_name on app.rooms
	// drop index app.rooms_name; create unique index on app.rooms (tenant_id, name)
}
