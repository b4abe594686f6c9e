package schema_test

import (
	"context"
	"fmt"
	"log"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/schema"
)

// What watertight.protect would run, for a team that reviews DDL.
func ExampleProtectDDL() {
	ctx := context.Background()
	e := pgtest.ForExample(`
		create schema app;
		create table app.rooms (tenant_id uuid not null, id bigint not null, name text not null, primary key (tenant_id, id));
		create table app.doors (tenant_id uuid not null, id bigint primary key);`)
	defer e.Close()

	ddl, err := schema.ProtectDDL(ctx, e.AdminURL, "app.rooms", "tenant_id")
	if err != nil {
		log.Fatal(err)
	}
	for _, statement := range ddl[:3] {
		fmt.Println(statement)
	}
	_, err = schema.ProtectDDL(ctx, e.AdminURL, "app.doors", "tenant_id")
	fmt.Println(err)
	// Output:
	// grant usage, create on schema app to watertight_owner
	// grant usage on schema app to watertight_app, watertight_system
	// alter table app.rooms owner to watertight_owner
	// app.doors cannot be protected: the primary key of app.doors does not begin with tenant_id (make it (tenant_id, …))
}

func ExampleMigrate() {
	ctx := context.Background()
	server, err := pgtest.Start(ctx, pgtest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Stop()
	d, err := server.CreateDatabase(ctx, "", pgtest.Config{Empty: true})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Drop(ctx)

	report, err := schema.Migrate(ctx, d.AdminURL, schema.Config{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("migrated:", len(report.Applied) > 0)
	for _, l := range report.Limitations { // none for a superuser
		fmt.Println(l.What, l.Consequence)
	}
	report, err = schema.Migrate(ctx, d.AdminURL, schema.Config{})
	fmt.Println("again:", len(report.Applied), err)
	// Output:
	// migrated: true
	// again: 0 <nil>
}
