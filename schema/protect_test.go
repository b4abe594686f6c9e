package schema_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/schema"
)

func TestProtectRefusesTablesThatCrossTenants(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	migrator := connect(t, d.MigratorURL)
	exec(t, migrator, `create schema app; create table app.good (tenant_id uuid not null, id int, code text, primary key (tenant_id, id), unique (tenant_id, code));
		create table app.lookup (id int primary key)`)
	exec(t, migrator, "select watertight.protect('app.good'); select watertight.share('app.lookup')")

	for name, c := range map[string]struct{ columns, reason string }{
		"no tenant column":             {"id int primary key", "has no column tenant_id"},
		"tenant of another type":       {"tenant_id bigint, id int, primary key (tenant_id, id)", "is of type bigint"},
		"generated tenant":             {"tenant_id uuid generated always as ('00000000-0000-0000-0000-000000000001') stored, id int, primary key (tenant_id, id)", "generated column"},
		"no primary key":               {"tenant_id uuid, id int", "has no primary key"},
		"key without the tenant":       {"tenant_id uuid, id int primary key", "does not begin with tenant_id"},
		"tenant last in the key":       {"tenant_id uuid, id int, primary key (id, tenant_id)", "does not begin with tenant_id"},
		"unique across tenants":        {"tenant_id uuid, id int, code text unique, primary key (tenant_id, id)", "another tenant has the value"},
		"exclusion across tenants":     {"tenant_id uuid, id int, during tstzrange, primary key (tenant_id, id), exclude using gist (during with &&)", "exclusion constraint"},
		"reference across tenants":     {"tenant_id uuid, id int, good int, primary key (tenant_id, id), foreign key (tenant_id, good) references app.good (tenant_id, id), other uuid, foreign key (other, good) references app.good (tenant_id, id)", "can refer to a row of another tenant"},
		"update cascades to tenant":    {"tenant_id uuid, id int, good int, primary key (tenant_id, id), foreign key (tenant_id, good) references app.good (tenant_id, id) on update cascade", "on an update of its parent"},
		"delete clears tenant":         {"tenant_id uuid, id int, good int, primary key (tenant_id, id), foreign key (tenant_id, good) references app.good (tenant_id, id) on delete set null", "on a delete of its parent"},
		"delete sets tenant's default": {"tenant_id uuid, id int, good int, primary key (tenant_id, id), foreign key (tenant_id, good) references app.good (tenant_id, id) on delete set default", "on a delete of its parent"},
	} {
		t.Run(name, func(t *testing.T) {
			exec(t, migrator, "create table app.bad ("+c.columns+")")
			_, err := migrator.Exec(t.Context(), "select watertight.protect('app.bad')")
			require.ErrorContains(t, err, c.reason)
			_, err = schema.ProtectDDL(t.Context(), d.MigratorURL, "app.bad", "tenant_id")
			require.ErrorContains(t, err, c.reason)
			exec(t, migrator, "drop table app.bad")
		})
	}
	for name, columns := range map[string]string{
		"delete clears the reference":  "tenant_id uuid, id int, good int, primary key (tenant_id, id), foreign key (tenant_id, good) references app.good (tenant_id, id) on delete set null (good)",
		"reference to a shared table":  "tenant_id uuid, id int, lookup int references app.lookup, primary key (tenant_id, id)",
		"expression in a unique index": "tenant_id uuid, id int, code text, primary key (tenant_id, id)",
		"serial and identity":          "tenant_id uuid, id serial, n int generated always as identity, m int generated always as (1) stored, primary key (tenant_id, id)",
	} {
		t.Run(name, func(t *testing.T) {
			exec(t, migrator, "create table app.fine ("+columns+")")
			if strings.HasPrefix(name, "expression") {
				exec(t, migrator, "create unique index on app.fine (tenant_id, lower(code))")
			}
			exec(t, migrator, "select watertight.protect('app.fine')")
			exec(t, migrator, "select watertight.protect('app.fine')") // once more changes nothing
			exec(t, migrator, "drop table app.fine")
		})
	}
}

func TestProtectedTableBelongsToATenant(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	migrator := connect(t, d.MigratorURL)
	exec(t, migrator, `create schema app;
		create table app.root (tenant_id uuid not null, id int, primary key (tenant_id, id));
		create table app.leaf (tenant_id uuid not null, id int, root int not null, primary key (tenant_id, id), foreign key (tenant_id, root) references app.root (tenant_id, id));
		select watertight.protect('app.root'); select watertight.protect('app.leaf')`)
	require.Equal(t, []string{
		"app.leaf FOREIGN KEY (tenant_id, root) REFERENCES app.root(tenant_id, id)",
		"app.root FOREIGN KEY (tenant_id) REFERENCES watertight.tenants(id)",
	}, lines(t, migrator, "select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint where contype = 'f' and conrelid::regclass::text like 'app.%' order by 1"))
	_, err := migrator.Exec(t.Context(), "insert into app.root values (gen_random_uuid(), 1)")
	require.ErrorContains(t, err, "foreign key", "no row without a tenant that exists")

	exec(t, migrator, "insert into watertight.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one'), ('00000000-0000-0000-0000-000000000002', 'two'); insert into app.root values ('00000000-0000-0000-0000-000000000001', 1)")
	_, err = migrator.Exec(t.Context(), "update app.root set tenant_id = '00000000-0000-0000-0000-000000000002'")
	require.ErrorContains(t, err, "cannot change its tenant", "not even for the migrator")
}

func TestGuardRefusesToWeakenAProtectedTable(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	admin := connect(t, d.AdminURL)
	exec(t, admin, `create schema app;
		create table app.t (tenant_id uuid not null, id int, primary key (tenant_id, id));
		create table app.parts (tenant_id uuid not null, id int, primary key (tenant_id, id)) partition by hash (tenant_id);
		create table app.parts0 partition of app.parts for values with (modulus 2, remainder 0);
		select watertight.protect('app.t'); select watertight.protect('app.parts')`)
	for _, sql := range []string{
		"alter table app.t disable row level security",
		"alter table app.t no force row level security",
		"create policy more on app.t using (true)",
		"create policy more on app.t as restrictive using (true)",
		"drop policy tenant_isolation on app.t",
		"alter policy tenant_isolation on app.t using (true)",
		"alter policy tenant_isolation on app.t to public",
		"alter policy tenant_isolation on app.t rename to other",
		"alter table app.parts0 no force row level security",
		"alter table app.parts0 disable row level security",
		"do $$ begin alter table app.t disable row level security; end $$",
		"create policy more on watertight.tenants using (true)",
	} {
		_, err := admin.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "refused by the guard", sql)
	}
	require.Empty(t, lines(t, admin, "select watertight.unguarded()"))
	exec(t, admin, "alter table app.t add column note text") // what does not weaken is not refused
	exec(t, admin, "create table app.parts1 partition of app.parts for values with (modulus 2, remainder 1)")
	exec(t, admin, "select watertight.unprotect('app.t')")
	exec(t, admin, "drop table app.t")

	exec(t, admin, "create table app.forgotten (tenant_id uuid, id int); create table app.copied as select 1 as x; select 1 as x into app.selected; create unlogged table app.unlogged (x int)")
	require.Equal(t, []string{"copied t t", "forgotten t t", "parts t t", "parts0 t t", "parts1 t t", "selected t t", "unlogged t t"},
		lines(t, admin, "select relname || ' ' || relrowsecurity::char || ' ' || relforcerowsecurity::char from pg_class where relnamespace = 'app'::regnamespace and relkind in ('r', 'p') order by 1"),
		"a table that nobody protected is closed")
	exec(t, admin, "create temp table scratch (x int); insert into scratch values (1)")
}

// The body of enter for Citus sets the context by SET LOCAL, which works on
// plain PostgreSQL inside an explicit transaction. Without Citus this shows the
// body, not the shipping of the setting to workers.
func TestEnterForCitusSetsTheSameContext(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	admin := connect(t, d.AdminURL)
	exec(t, admin, "select watertight.install_enter(true)")
	require.Contains(t, lines(t, admin, "select prosrc from pg_proc where oid = 'watertight.enter(text)'::regprocedure")[0], "set local")
	exec(t, admin, "begin; select watertight.enter('w1.x')")
	require.Equal(t, []string{"w1.x"}, lines(t, admin, "select current_setting('watertight.context')"))
	_, err := admin.Exec(t.Context(), "select watertight.enter('w1.y')")
	require.ErrorContains(t, err, "already set")
	exec(t, admin, "rollback")
	require.Equal(t, []string{""}, lines(t, admin, "select current_setting('watertight.context')"))
	_, err = admin.Exec(t.Context(), `select watertight.enter('w1''; set role x; --')`)
	require.ErrorContains(t, err, "malformed")

	exec(t, admin, "select watertight.install_enter(false)")
	require.NotContains(t, lines(t, admin, "select prosrc from pg_proc where oid = 'watertight.enter(text)'::regprocedure")[0], "set local")
}

func TestProtectDDLIsWhatProtectRuns(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	migrator := connect(t, d.MigratorURL)
	const table = "(tenant_id uuid, id int, body text, primary key (tenant_id, id))"
	exec(t, migrator, "create schema app; create table app.by_hand "+table+"; create table app.by_call "+table)
	ddl, err := schema.ProtectDDL(t.Context(), d.MigratorURL, "app.by_hand", "tenant_id")
	require.NoError(t, err)
	exec(t, migrator, strings.Join(ddl, ";\n"))
	exec(t, migrator, "select watertight.protect('app.by_call')")
	state := func(name string) []string {
		list := lines(t, migrator, `select watertight.policies_of($1::text::regclass) union all
			select format('%s %s %s %s', relrowsecurity, relforcerowsecurity, relacl, pg_get_userbyid(relowner)) from pg_class where oid = $1::text::regclass union all
			select format('%s %s %s', attname, attnotnull, attacl) from pg_attribute where attrelid = $1::text::regclass and attnum > 0 union all
			select pg_get_triggerdef(oid) from pg_trigger where tgrelid = $1::text::regclass and not tgisinternal union all
			select pg_get_constraintdef(oid) from pg_constraint where conrelid = $1::text::regclass and contype = 'f'`, name)
		for i := range list {
			list[i] = strings.ReplaceAll(list[i], name, "T")
		}
		slices.Sort(list) // the catalog has them as a vacuum left them
		return list
	}
	require.Equal(t, state("app.by_call"), state("app.by_hand"))
}

// Names that need quotes are quoted once.
func TestProtectTakesAnyName(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	migrator := connect(t, d.MigratorURL)
	exec(t, migrator, `create schema "My App"; create table "My App"."order" ("tenant_id" uuid, "Id %" int, "sel""ect" text, primary key (tenant_id, "Id %"));
		select watertight.protect('"My App"."order"');
		create table "My App"."Look up" (id int primary key); select watertight.share('"My App"."Look up"')`)
	require.Equal(t, []string{"true true"}, lines(t, migrator, `select has_schema_privilege('watertight_app', 'My App', 'usage') || ' ' || has_column_privilege('watertight_app', '"My App"."order"', 'sel"ect', 'update')`))
}
