package adopt_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/adopt"
	"github.com/watertight-go/watertight/inspect"
	"github.com/watertight-go/watertight/leaktest/pgtest"
)

const shop = `
create table organizations (id bigint generated always as identity primary key, name text not null);
create table customers (id bigserial primary key, organization_id bigint not null references organizations (id), email text not null unique);
create table orders (id bigserial primary key, customer_id bigint not null references customers (id) on delete cascade, total int not null);
insert into organizations (name) values ('Acme'), ('Birch');
insert into customers (organization_id, email) select o.id, o.name || n from organizations o, generate_series(1, 50) n;
insert into orders (customer_id, total) select id, 10 from customers, generate_series(1, 10);`

// emptyDatabase is on a server where another database uses Watertight's roles:
// a test that takes Watertight out again, beside others that install it, would
// drop them otherwise.
func emptyDatabase(t *testing.T, setup ...string) *pgtest.Database {
	t.Helper()
	pgtest.New(t)
	return pgtest.New(t, pgtest.Config{Empty: true, Setup: setup})
}

func shopDatabase(t *testing.T) *pgtest.Database {
	t.Helper()
	return emptyDatabase(t, shop)
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func read(t *testing.T, url string, cfg adopt.Config) *adopt.Plan {
	t.Helper()
	conn := connect(t, url)
	plan, err := adopt.Read(t.Context(), conn, cfg)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context())) // who attacks a copy needs the database for himself
	return plan
}

// write makes files of a plan and reads them again, as the command does.
func write(t *testing.T, plan *adopt.Plan) []*adopt.Step {
	t.Helper()
	require.Empty(t, plan.Questions)
	dir := t.TempDir()
	require.NoError(t, plan.Write(dir))
	steps, err := adopt.Load(dir)
	require.NoError(t, err)
	require.Len(t, steps, len(plan.Steps))
	return steps
}

func TestSchemaBecomesWatertight(t *testing.T) {
	t.Parallel()
	db := shopDatabase(t)
	steps := write(t, read(t, db.AdminURL, adopt.Config{}))
	require.NoError(t, adopt.Apply(t.Context(), db.AdminURL, steps, adopt.Run{}))
	report, err := inspect.Check(t.Context(), connect(t, db.AdminURL), inspect.Config{AppRole: "watertight_app"})
	require.NoError(t, err)
	require.Zero(t, report.Errors(), "%+v", report.Findings)
}

// A script that reads the plan finds a list where there is one, if empty.
func TestPlanIsJSONOfLists(t *testing.T) {
	t.Parallel()
	db := emptyDatabase(t, "create table organizations (id bigint primary key)")
	for _, setup := range []string{"", shop[strings.Index(shop, "create table customers"):strings.Index(shop, "insert into")]} {
		conn := connect(t, db.AdminURL)
		run(t, conn, setup)
		plan := read(t, db.AdminURL, adopt.Config{TenantTable: "organizations", TenantColumn: "organization_id"})
		text, err := json.Marshal(plan)
		require.NoError(t, err)
		require.NotContains(t, string(text), "null")
		for _, list := range []string{"assumed", "questions", "notices", "tables", "roles"} {
			require.Contains(t, string(text), `"`+list+`":[`)
		}
	}
}

// Of the rows of a comment some have a customer and some a ticket, whose tenant
// is known only by its own optional reference: none of them is without one.
func TestOptionalWaysAreAllSeen(t *testing.T) {
	t.Parallel()
	db := emptyDatabase(t, `
create table organizations (id bigint primary key);
create table comments (id bigint primary key, customer_id bigint, ticket_id bigint);
create table customers (id bigint primary key, organization_id bigint not null references organizations);
create table tickets (id bigint primary key, customer_id bigint references customers);
alter table comments add foreign key (customer_id) references customers, add foreign key (ticket_id) references tickets;
insert into organizations values (1), (2);
insert into customers values (1, 1), (2, 2);
insert into tickets values (1, 1), (2, 2);
insert into comments values (1, 1, null), (2, null, 2);`)
	cfg := adopt.Config{TenantTable: "organizations", TenantColumn: "organization_id"}
	plan := read(t, db.AdminURL, cfg)
	require.Empty(t, plan.Questions)
	require.True(t, slices.ContainsFunc(plan.Tables, func(l adopt.Table) bool {
		return l.Name == "public.comments" && strings.Contains(l.From, "customers") && strings.Contains(l.From, "tickets")
	}), plan.Tables)

	run(t, connect(t, db.AdminURL), "insert into comments values (3, null, null)")
	plan = read(t, db.AdminURL, cfg)
	require.Len(t, plan.Questions, 1)
	require.Equal(t, "no-tenant", plan.Questions[0].Kind)
}
