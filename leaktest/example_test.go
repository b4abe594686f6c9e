package leaktest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// Somebody's own schema, with a policy that reads well and writes too much. In a
// test it is leaktest.Run(t, cfg).
func ExampleCheck() {
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
	app, _, err := d.NewLogin(ctx)
	if err != nil {
		log.Fatal(err)
	}
	admin, err := pgx.Connect(ctx, d.AdminURL)
	if err != nil {
		log.Fatal(err)
	}
	_, err = admin.Exec(ctx, `
		create table rooms (tenant_id uuid not null, id bigint not null, name text not null, primary key (tenant_id, id));
		alter table rooms enable row level security, force row level security;
		create policy mine on rooms
			using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
			with check (true);
		grant select, insert, update, delete on rooms to `+pgx.Identifier{app}.Sanitize())
	if err != nil {
		log.Fatal(err)
	}
	admin.Close(ctx)

	report, err := leaktest.Check(ctx, leaktest.Config{URL: d.AdminURL, AppRole: app, TenantSetting: "app.tenant_id"})
	var leak *leaktest.Leak
	fmt.Println("leaks:", errors.As(err, &leak))
	for _, f := range report.Findings {
		fmt.Println(f.Rule, f.Severity, f.Object)
	}
	// Output:
	// leaks: true
	// WTA002 error policy mine
	// WTA002 error policy mine
	// WTA005 error policy mine
	// WTA021 warning setting app.tenant_id
}
