package inspect

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// Watertight's own schema, with tables of a team under its protection, is free
// of errors, looked at by an administrator and by the application itself.
func TestWatertightSchema(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Config{Setup: []string{`
		create schema shop;
		create table shop.orders (tenant_id uuid not null, id uuid not null default gen_random_uuid(), note text, primary key (tenant_id, id));
		create table shop.lines (tenant_id uuid not null, id uuid not null default gen_random_uuid(), order_id uuid not null,
			primary key (tenant_id, id), foreign key (tenant_id, order_id) references shop.orders on delete cascade);
		create table shop.currencies (code text primary key);
		select watertight.protect('shop.orders'), watertight.protect('shop.lines'), watertight.share('shop.currencies');`}})
	for who, address := range map[string]string{"administrator": d.AdminURL, "application": d.AppURL} {
		t.Run(who, func(t *testing.T) {
			conn, err := pgx.Connect(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(t.Context()) }()
			for _, cfg := range []Config{{}, {AppRole: "watertight_app", Enter: "select watertight.enter($1)"}} {
				report, err := Check(t.Context(), conn, cfg)
				if err != nil {
					t.Fatal(err)
				}
				if report.Errors() > 0 {
					t.Errorf("errors:%s", summary(report))
				}
				if report.Tables < 4 {
					t.Errorf("looked at %d tables only", report.Tables)
				}
				if cfg.AppRole == "" && report.AppRole != "watertight_app" && who == "administrator" {
					t.Errorf("the role is taken for %s (%v)", report.AppRole, report.Assumed)
				}
				t.Logf("%s: %v %v%s", report.AppRole, report.Assumed, report.Unseen, summary(report))
			}
		})
	}
}
