package schema_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/schema"
	"github.com/watertight-go/watertight/tenancy"
)

var update = flag.Bool("update", false, "write the golden files")

func TestUpDownUpAsSuperuser(t *testing.T) {
	// Roles belong to the cluster, and going down drops those that nothing needs.
	// So this test runs alone, beside a database that needs them.
	pgtest.New(t)
	d := pgtest.New(t, pgtest.Config{Empty: true})
	upDownUp(t, d.AdminURL, d.AdminURL)
}

// A managed service gives a role with CREATEROLE that owns the database, and no
// superuser. What it may not do is reported with its consequence.
func TestUpDownUpAsTheAdminOfAManagedService(t *testing.T) {
	// Roles belong to the cluster, and going down drops those that nothing needs.
	// So this test runs alone, beside a database that needs them.
	pgtest.New(t)
	d := pgtest.New(t, pgtest.Config{Empty: true})
	login, dsn := d.Login(t, "createrole createdb")
	admin := connect(t, d.AdminURL)
	exec(t, admin, fmt.Sprintf("alter database %s owner to %s", pgx.Identifier{databaseOf(t, d.AdminURL)}.Sanitize(), login))
	exec(t, admin, "grant all on schema public to "+login)
	// Roles are the server's: those that other tests made are not this admin's.
	for _, role := range lines(t, admin, "select rolname::text from pg_roles where rolname ~ '^watertight_'") {
		exec(t, admin, "grant "+role+" to "+login+" with admin option")
	}
	report := upDownUp(t, dsn, d.AdminURL)
	var ids []string
	for _, l := range report.Limitations {
		ids = append(ids, l.ID)
		require.NotEmpty(t, l.What)
		require.NotEmpty(t, l.Consequence)
	}
	require.Subset(t, ids, []string{"catalog-functions", "catalog-views", "event-triggers", "set-config"})
	require.NotContains(t, ids, "database-temp", "the owner of the database may take TEMP from PUBLIC")

	// And the product of it works.
	exec(t, connect(t, dsn), "create schema app; create table app.t (tenant_id uuid not null, id int, primary key (tenant_id, id)); select watertight.protect('app.t')")
	key, err := tenancy.NewContextKey()
	require.NoError(t, err)
	require.NoError(t, schema.AddKey(t.Context(), dsn, key, time.Now().Add(time.Hour)))
	_, app := d.Login(t, "in role watertight_app")
	conn := connect(t, app)
	_, err = conn.Exec(t.Context(), "select 1 from app.t where $1", true)
	require.ErrorContains(t, err, "no tenant context")
}

// upDownUp returns the report of the last run.
func upDownUp(t *testing.T, dsn, adminURL string) schema.Report {
	t.Helper()
	ctx := t.Context()
	files, err := schema.Status(ctx, dsn)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	require.Equal(t, []string{"true"}, lines(t, connect(t, adminURL), "select (to_regnamespace('watertight') is null)::text"), "asking writes nothing")

	var seen []string
	first, err := schema.Migrate(ctx, dsn, schema.Config{Progress: func(f string) { seen = append(seen, f) }})
	require.NoError(t, err)
	require.Len(t, first.Applied, len(files))
	require.Equal(t, first.Applied, seen)
	state := snapshot(t, adminURL)

	again, err := schema.Migrate(ctx, dsn, schema.Config{})
	require.NoError(t, err)
	require.Empty(t, again.Applied, "nothing is left to do")
	require.Equal(t, first.Limitations, again.Limitations)

	require.NoError(t, schema.Down(ctx, dsn))
	admin := connect(t, adminURL)
	left := lines(t, admin, `select relname from pg_class where relnamespace = 'watertight'::regnamespace and relkind in ('r', 'v', 'p')
		union all select proname from pg_proc where pronamespace = 'watertight'::regnamespace
		union all select evtname from pg_event_trigger order by 1`)
	require.Equal(t, []string{"migration"}, left, "down leaves its own bookkeeping only")
	require.True(t, bool(lines(t, admin, "select has_function_privilege('public', 'pg_catalog.set_config(text,text,boolean)', 'execute')::text")[0] == "true"))
	files, err = schema.Status(ctx, dsn)
	require.NoError(t, err)
	for _, f := range files {
		require.False(t, f.Applied, f.File)
	}

	second, err := schema.Migrate(ctx, dsn, schema.Config{})
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Equal(t, state, snapshot(t, adminURL), "up again gives the same database")
	return second
}

// snapshot is all that decides who may do what: tables, columns' grants,
// policies, functions with their owners and attributes, event triggers.
func snapshot(t *testing.T, dsn string) string {
	t.Helper()
	conn := connect(t, dsn)
	sections := []struct{ title, sql string }{
		{"tables", `select format('%s %s rls=%s force=%s %s', c.relname, pg_get_userbyid(c.relowner), c.relrowsecurity, c.relforcerowsecurity,
			(select string_agg(x::text, ' ' order by x::text) from unnest(c.relacl) x))
			from pg_class c where c.relnamespace = 'watertight'::regnamespace and c.relkind in ('r', 'v', 'p') and relname !~ '^migration' order by 1`},
		{"columns", `select format('%s.%s %s%s%s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' end,
			' default ' || pg_get_expr(d.adbin, d.adrelid), (select string_agg(x::text, ' ' order by x::text) from unnest(a.attacl) x))
			from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
			where c.relnamespace = 'watertight'::regnamespace and c.relkind in ('r', 'v', 'p') and a.attnum > 0 and not a.attisdropped and c.relname !~ '^migration'
			order by c.relname, a.attnum`},
		{"constraints", `select format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint
			where connamespace = 'watertight'::regnamespace and contype <> 'n' and conrelid::regclass::text !~ 'migration' order by 1`},
		{"policies", `select format('%s %s %s to %s using %s check %s', tablename, policyname, cmd, roles, qual, with_check) from pg_policies where schemaname = 'watertight' order by 1`},
		{"triggers", `select pg_get_triggerdef(oid) || ' ' || tgenabled::text from pg_trigger where not tgisinternal and tgrelid::regclass::text like 'watertight.%' order by 1`},
		{"functions", `select format('%s %s definer=%s %s parallel=%s %s %s', p.oid::regprocedure, pg_get_userbyid(p.proowner), p.prosecdef, p.provolatile, p.proparallel, p.proconfig,
			(select string_agg(x::text, ' ' order by x::text) from unnest(p.proacl) x))
			from pg_proc p where p.pronamespace = 'watertight'::regnamespace order by 1`},
		{"event triggers", `select format('%s %s %s %s', evtname, evtevent, evtfoid::regproc, evttags) from pg_event_trigger order by 1`},
	}
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "# %s\n%s\n\n", s.title, strings.Join(lines(t, conn, s.sql), "\n"))
	}
	// Who migrates differs from place to place.
	return strings.ReplaceAll(b.String(), lines(t, conn, "select current_user")[0], "MIGRATING")
}

// TestSnapshot holds tables, grants and the complete set of policies against
// what was reviewed. A change shows in the diff of the golden file.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	const golden = "testdata/schema.golden"
	got := snapshot(t, d.AdminURL)
	if major := lines(t, connect(t, d.AdminURL), "select current_setting('server_version_num')")[0]; major >= "170000" {
		// PostgreSQL 17 has one privilege more, MAINTAIN, which owners hold.
		got = strings.ReplaceAll(got, "arwdDxtm/", "arwdDxt/")
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "go test ./schema -run TestSnapshot -update writes it anew")
}

func TestErrorsNameNoServer(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"postgres://u:secret-password@127.0.0.1:1/x?sslmode=disable", "postgres://u:secret-password@%zz/x"} {
		_, err := schema.Migrate(t.Context(), dsn, schema.Config{})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret-password")
		require.NotContains(t, err.Error(), "127.0.0.1")
	}
}

func TestSecureDatabaseIsRepeatable(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	admin := connect(t, d.AdminURL)
	exec(t, admin, "grant temp on database "+pgx.Identifier{databaseOf(t, d.AdminURL)}.Sanitize()+" to public; grant execute on function pg_catalog.set_config(text,text,boolean) to public")
	require.NoError(t, schema.SecureDatabase(t.Context(), d.AdminURL))
	require.NoError(t, schema.SecureDatabase(t.Context(), d.AdminURL))
	require.Equal(t, []string{"false", "false"}, lines(t, admin, `select has_database_privilege('watertight_app', current_database(), 'TEMP')::text
		union all select has_function_privilege('watertight_app', 'pg_catalog.set_config(text,text,boolean)', 'execute')::text`))
}

func TestKeyErrors(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	key, err := tenancy.NewContextKey()
	require.NoError(t, err)
	require.NoError(t, schema.AddKey(t.Context(), d.MigratorURL, key, time.Now().Add(time.Hour)))
	err = schema.AddKey(t.Context(), d.MigratorURL, key, time.Now().Add(time.Hour))
	require.ErrorContains(t, err, "duplicate key")
	secret := key.Secret()
	require.NotContains(t, err.Error(), fmt.Sprintf("%x", secret[:]))
	require.ErrorContains(t, schema.AddKey(t.Context(), d.AppURL, key, time.Now()), "permission denied")
	require.ErrorContains(t, schema.RetireKey(t.Context(), d.MigratorURL, "nosuch", time.Now()), "no such key")
	require.NoError(t, schema.RetireKey(t.Context(), d.MigratorURL, key.ID(), time.Now()))
}
