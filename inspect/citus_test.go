package inspect

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/schema"
)

// Watertight's own schema with the profile for Citus, on what pretends to be a
// cluster: no errors, and nothing that the rules for Citus warn of.
func TestWatertightSchemaOnCitus(t *testing.T) {
	t.Parallel()
	const shop = `create schema shop;
		create table shop.orders (tenant_id uuid not null, id uuid not null default gen_random_uuid(), note text, primary key (tenant_id, id));
		create table shop.lines (tenant_id uuid not null, id uuid not null default gen_random_uuid(), order_id uuid not null,
			primary key (tenant_id, id), foreign key (tenant_id, order_id) references shop.orders on delete cascade);
		create table shop.currencies (code text primary key);`
	d := pgtest.New(t, pgtest.Config{Setup: []string{shop}})
	admin, err := pgx.Connect(t.Context(), d.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(t.Context()) }()
	do := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	check := func() (errors int, citus []string) {
		t.Helper()
		report, err := Check(t.Context(), admin, Config{AppRole: "watertight_app", Enter: "select watertight.enter($1)"})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Findings {
			if strings.HasPrefix(f.Rule, "WTI10") {
				citus = append(citus, f.Rule+" "+f.Object)
			}
		}
		if report.Errors() > 0 {
			t.Log(summary(report))
		}
		return report.Errors(), citus
	}
	// A cluster that was made under an installed schema: much is to be said.
	do(readFile(t, filepath.Join("..", "schema", "testdata", "citus_stub.sql")))
	do("select watertight.protect('shop.orders'), watertight.protect('shop.lines'), watertight.share('shop.currencies')")
	_, before := check()
	said := strings.Join(before, "\n")
	for _, want := range []string{
		"WTI101 tenant_isolation", "WTI102 shop.orders", "WTI105 run_command_on_shards(regclass,text,boolean)",
		"WTI106 watertight_app", "WTI107 watertight_app", "WTI108 watertight.enter", "WTI109 watertight.tenant",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not found; found: %s", want, said)
		}
	}
	if _, err := schema.Migrate(t.Context(), d.AdminURL, schema.Config{}); err != nil {
		t.Fatal(err)
	}
	do("select watertight.protect('shop.orders'), watertight.protect('shop.lines'), watertight.share('shop.currencies')")
	if errors, after := check(); errors > 0 || len(after) > 0 {
		t.Errorf("%d errors; found: %v", errors, after)
	}
}
