package adopt_test

import (
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
