package leaktest

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/internal/catalog"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

// shop makes a database with the shop in it, changed as given.
func shop(t *testing.T, change string) Config {
	t.Helper()
	setup, err := os.ReadFile("testdata/leaks/shop.sql")
	if err != nil {
		t.Fatal(err)
	}
	d := pgtest.New(t, pgtest.Config{Empty: true})
	role, _ := d.Login(t)
	d.Exec(t, forRole(string(setup), role), forRole(change, role))
	return Config{URL: d.AdminURL, AppRole: role, Jobs: 2}
}

// contents is a fingerprint of what a run must not change, and of the copies
// that it must not leave.
func contents(t *testing.T, url string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var out string
	err = conn.QueryRow(t.Context(), `
select (select count(*) from shop.tenants) || ' ' || (select count(*) from shop.orders) || ' ' || (select count(*) from shop.countries) || ' ' ||
  (select count(*) from pg_class where relnamespace = 'shop'::regnamespace) || ' ' || (select count(*) from pg_policy)`).Scan(&out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCheckLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	cfg := shop(t, "select 1")
	cfg.SelfTest = true
	before := contents(t, cfg.URL)
	report, err := Check(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if caught, planted := report.CatchRate(); caught != planted || planted < 18 {
		t.Errorf("%d of %d planted leaks were caught: %+v", caught, planted, report.Planted)
	}
	if after := contents(t, cfg.URL); after != before {
		t.Errorf("the database holds %s after the attack, %s before", after, before)
	}
	if !strings.Contains(report.Where, "copy") {
		t.Errorf("it ran %s, want in a copy", report.Where)
	}
}

// Somebody else is connected, so the database cannot be copied.
func TestCheckInPlaceLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	cfg := shop(t, "alter policy tenant on shop.notes using (true)")
	conn, err := pgx.Connect(t.Context(), cfg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	before := contents(t, cfg.URL)
	report, err := Check(t.Context(), cfg)
	if _, ok := errors.AsType[*Leak](err); !ok {
		t.Errorf("error %v, want a leak", err)
	}
	if !strings.Contains(report.Where, "rolled back") {
		t.Errorf("it ran %s, want in the database itself", report.Where)
	}
	for _, f := range report.Findings {
		if f.Severity == Error && f.Table != "shop.notes" {
			t.Errorf("%s: %s", f.subject(), f.Message)
		}
	}
	if after := contents(t, cfg.URL); after != before {
		t.Errorf("the database holds %s after the attack, %s before", after, before)
	}
}

func TestNothingToAttackIsNoCleanResult(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Config{Empty: true})
	if _, err := Check(t.Context(), Config{URL: d.AdminURL}); !errors.Is(err, catalog.ErrNoTenantTable) {
		t.Errorf("an empty database: %v", err)
	}
	d.Exec(t, "create table countries (code text primary key)")
	if _, err := Check(t.Context(), Config{URL: d.AdminURL, TenantColumns: []string{"tenant_id"}}); !errors.Is(err, catalog.ErrNoTenantTable) {
		t.Errorf("no tenant table: %v", err)
	}
	if _, err := ReadQueries([]string{t.TempDir()}); err == nil {
		t.Error("a folder without queries was no error")
	}
}

func TestInterruptedRunIsNoCleanResult(t *testing.T) {
	t.Parallel()
	cfg := shop(t, "select 1")
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Progress = func(_, _ int, what string) {
		if strings.HasPrefix(what, "attack") {
			cancel()
		}
	}
	if _, err := Check(ctx, cfg); early(err) == nil {
		t.Errorf("error %v, want one that is no finding", err)
	}
	if left := copies(t, cfg.URL); len(left) > 0 {
		t.Errorf("it left copies behind: %v", left)
	}
}

func TestKilledServerSessionIsNoCleanResult(t *testing.T) {
	t.Parallel()
	cfg := shop(t, "select 1")
	once := false
	cfg.Progress = func(_, _ int, what string) {
		if strings.HasPrefix(what, "attack") && !once {
			once = true
			kill(t, cfg.URL)
		}
	}
	if _, err := Check(t.Context(), cfg); early(err) == nil {
		t.Errorf("error %v, want one that says that the server went away", err)
	}
}

// kill ends the sessions of this test's own attack.
func kill(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.Background())
	var name string
	if err := conn.QueryRow(context.Background(), "select current_database()").Scan(&name); err != nil {
		t.Error(err)
	}
	_, err = conn.Exec(context.Background(), `
select pg_terminate_backend(a.pid) from pg_stat_activity a
join pg_database d on d.oid = a.datid join pg_shdescription c on c.objoid = d.oid and c.classoid = 'pg_database'::regclass
where a.application_name = 'watertight attack' and c.description like '%copy of ' || $1 || ' for %'`, name)
	if err != nil {
		t.Error(err)
	}
}

// copies are those of the database that are still there.
func copies(t *testing.T, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	names, err := column(t.Context(), conn, `
select d.datname::text from pg_database d join pg_shdescription c on c.objoid = d.oid and c.classoid = 'pg_database'::regclass
where c.description like 'copy of ' || current_database() || ' for %'`)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestRefusesADatabaseInUse(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t, pgtest.Config{Empty: true})
	live, err := d.Server().CreateDatabase(t.Context(), d.Name+"_production", pgtest.Config{Empty: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = live.Drop(context.Background()) })
	_, err = Check(t.Context(), Config{URL: live.AdminURL})
	if err == nil || !strings.Contains(err.Error(), "--yes-destroy") {
		t.Errorf("error %v, want a refusal", err)
	}
	if _, err = Check(t.Context(), Config{URL: live.AdminURL, YesDestroy: true}); !errors.Is(err, catalog.ErrNoTenantTable) {
		t.Errorf("told to go on: %v", err)
	}
}

// Watertight's own schema, entered with a signed token.
func TestWatertightsOwnSchemaHolds(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	d.Exec(t, "create schema team; create table team.orders (tenant_id uuid not null, id uuid not null default gen_random_uuid(), name text not null, primary key (tenant_id, id)); select watertight.protect('team.orders')")
	report, err := Check(t.Context(), Config{URL: d.AdminURL})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(report.Cells, func(c Cell) bool { return c.Object == "team.orders" && c.Attack == "insert" && c.Verdict == Held }) {
		t.Errorf("orders was not attacked: %+v", report.Cells)
	}
}

// With the team's own schema alone, the tenants' table is not among the tables
// that are attacked, and everything works as with it.
func TestOneSchemaProvesItself(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	d.Exec(t, `create schema team;
create table team.orders (tenant_id uuid not null, id uuid not null default gen_random_uuid(), name text not null, primary key (tenant_id, id));
create table team.lines (tenant_id uuid not null, id uuid not null default gen_random_uuid(), order_id uuid not null, primary key (tenant_id, id),
  foreign key (tenant_id, order_id) references team.orders (tenant_id, id));
select watertight.protect('team.orders'), watertight.protect('team.lines')`)
	report, err := Check(t.Context(), Config{URL: d.AdminURL, Schemas: []string{"team"}, SelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		t.Errorf("%+v", f)
	}
	attacked := func(table string) bool {
		return slices.ContainsFunc(report.Cells, func(c Cell) bool { return c.Object == table && c.Attack == "select" && c.Verdict == Held })
	}
	if !attacked("team.orders") || !attacked("team.lines") || attacked("watertight.tenants") {
		t.Errorf("the tables of the schema are to be attacked, and no others: %+v", report.Cells)
	}
}

const shopQueries = `
-- name: GetCustomer :one
select * from shop.customers where tenant_id = $1 and id = $2;
-- name: ListOrders :many
select o.*, c.name from shop.orders o join shop.customers c on c.tenant_id = o.tenant_id and c.id = o.customer_id where o.tenant_id = @tenant_id and o.total > @least;
-- name: AddNote :one
insert into shop.notes (tenant_id, body) values ($1, $2) returning id;
-- name: RenameCustomer :exec
update shop.customers set name = $3 where tenant_id = $1 and id = $2;
-- name: Everyone :many
-- watertight:cross-tenant the nightly report counts all customers
select count(*) from shop.customers;
-- name: LeakByID :one
select * from shop.customers where id = $2 and $1::uuid is not null;
-- name: LeakByOr :many
select * from shop.notes where tenant_id = $1 or body = $2;
-- name: LeakByUpdate :exec
update shop.notes set body = $2 where $1::uuid is not null;
-- name: LeakByCount :one
select count(*) from shop.orders where $1::uuid is not null;
`

func TestQueriesInThreeSettings(t *testing.T) {
	t.Parallel()
	cfg := shop(t, "select 1")
	cfg.Queries = ParseQueries("shop.sql", shopQueries)
	report, err := Check(t.Context(), cfg)
	if failed := early(err); failed != nil {
		t.Fatal(failed)
	}
	leaks := map[string][]string{}
	for _, f := range report.Findings {
		switch {
		case f.Rule == ruleUnproved:
			t.Errorf("%s: %s", f.subject(), f.Message)
		case f.Rule == ruleQuery:
			leaks[f.Query] = append(leaks[f.Query], f.Object)
		}
	}
	for _, q := range cfg.Queries {
		if want := strings.HasPrefix(q.Name, "Leak"); want != (len(leaks[q.Name]) > 0) {
			t.Errorf("query %s leaks in %v", q.Name, leaks[q.Name])
		}
		// Row-level security stops all of them.
		if slices.Contains(leaks[q.Name], "lock all") || slices.Contains(leaks[q.Name], "lock database") {
			t.Errorf("query %s leaks in %v, with row-level security on", q.Name, leaks[q.Name])
		}
	}
	if report.Queries != 8 || report.Waived != 1 {
		t.Errorf("%d queries and %d waived, want 8 and 1", report.Queries, report.Waived)
	}
}

func TestRunPassesOnASafeSchema(t *testing.T) {
	t.Parallel()
	Run(t, shop(t, "select 1"))
}
