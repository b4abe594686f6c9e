package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// columnsOf returns "a b c" for the columns of a table, "" when there is none.
func columnsOf(s *Schema, name string) string {
	schema, table, ok := strings.Cut(name, ".")
	if !ok {
		schema, table = "", name
	}
	t := s.lookup(schema, table)
	if t == nil {
		return ""
	}
	var out []string
	for _, c := range t.Columns {
		out = append(out, c.Name)
	}
	return strings.Join(out, " ")
}

func TestSchemaStatements(t *testing.T) {
	t.Parallel()
	const base = "create table a (tenant_id uuid not null, id uuid primary key, x int);\n"
	cases := map[string]struct{ sql, table, want string }{
		"create":              {"", "a", "tenant_id id x"},
		"add column":          {"alter table a add column y int, add z text;", "a", "tenant_id id x y z"},
		"add if not exists":   {"alter table a add column if not exists x text;", "a", "tenant_id id x"},
		"drop column":         {"alter table a drop column tenant_id;", "a", "id x"},
		"rename column":       {"alter table a rename tenant_id to org_id;", "a", "org_id id x"},
		"rename table":        {"alter table a rename to b;", "b", "tenant_id id x"},
		"renamed away":        {"alter table a rename to b;", "a", ""},
		"drop table":          {"drop table a;", "a", ""},
		"drop schema":         {"create schema s; create table s.t (x int); drop schema s cascade;", "s.t", ""},
		"set schema":          {"create schema s; alter table a set schema s;", "s.a", "tenant_id id x"},
		"rename schema":       {"create schema s; create table s.t (x int); alter schema s rename to r;", "r.t", "x"},
		"schema with element": {"create schema s create table t (x int);", "s.t", "x"},
		"like":                {"create table b (like a including all, y int);", "b", "tenant_id id x y"},
		"inherits":            {"create table b (y int) inherits (a);", "b", "tenant_id id x y"},
		"inherited later":     {"create table b (y int) inherits (a); alter table a add z int;", "b", "tenant_id id x y z"},
		"partition":           {"create table p (tenant_id uuid, d date) partition by range (d); create table p1 partition of p default;", "p1", "tenant_id d"},
		"partition gets more": {"create table p (tenant_id uuid, d date) partition by range (d); create table p1 partition of p default; alter table p add e int;", "p1", "tenant_id d e"},
		"as":                  {"create table b as select tenant_id, x as y from a;", "b", "tenant_id y"},
		"select into":         {"select * into b from a;", "b", "tenant_id id x"},
		"view":                {"create view v as select x, tenant_id from a;", "v", "x tenant_id"},
		"view with names":     {"create view v (p, q) as select x, tenant_id from a;", "v", "p q"},
		"view of a view":      {"create view v as select * from a; create view w as select * from v;", "w", "tenant_id id x"},
		"materialized view":   {"create materialized view v as select * from a;", "v", "tenant_id id x"},
		"quoted":              {`create table "userPrefs" ("tenantId" uuid);`, "userPrefs", "tenantId"},
		"search path":         {"create schema s; set search_path = s, public; create table t (x int);", "s.t", "x"},
		"pg_dump's path":      {"select pg_catalog.set_config('search_path', '', false); create table public.t (x int);", "t", "x"},
		"composite type":      {"create type ty as (p int, q int); create table t of ty;", "t", "p q"},
		"foreign table":       {"create foreign table f (tenant_id uuid) server s;", "f", "tenant_id"},
		"do block":            {"do $$ begin if true then alter table a add column y int; end if; end $$;", "a", "tenant_id id x y"},
		"temporary":           {"create temp table tmp (x int);", "tmp", ""},
		"if not exists":       {"create table if not exists a (other int);", "a", "tenant_id id x"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := ParseSchema("s.sql", base+c.sql)
			require.NoError(t, err)
			require.Equal(t, c.want, columnsOf(s, c.table))
		})
	}
}

func TestSchemaKeys(t *testing.T) {
	t.Parallel()
	s, err := ParseSchema("s.sql", `
create table a (tenant_id uuid, id bigserial primary key, email text unique, n int, unique (tenant_id, n), exclude using gist (tenant_id with =, n with &&));
create unique index on a (tenant_id, lower(email));
create unique index part on a (email) where n > 0;
create unique index for_later on a (tenant_id, id);
alter table a add constraint named unique using index for_later;
alter table a add constraint late unique (n) deferrable;
alter table a rename constraint late to later;
alter table a drop constraint a_email_key;
alter table a rename column n to m;
`)
	require.NoError(t, err)
	var got []string
	for _, k := range s.lookup("", "a").Keys {
		name := k.Name + "(" + strings.Join(k.Columns, ",") + ")"
		for mark, on := range map[string]bool{" partial": k.Partial, " deferrable": k.Deferrable, " exclusion": k.Exclusion} {
			if on {
				name += mark
			}
		}
		got = append(got, name)
	}
	require.ElementsMatch(t, []string{
		"a_pkey(id)", "a_tenant_id_n_key(tenant_id,m)", "a_tenant_id__excl(tenant_id,) exclusion", "a_tenant_id__idx(tenant_id,)",
		"part(email) partial", "named(tenant_id,id)", "later(m) deferrable",
	}, got)
}

func TestSchemaErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ sql, want string }{
		"syntax":              {"create table a (x int);\n\ncreate tabel b ();", "s.sql:3: syntax error"},
		"column of nothing":   {"\nalter table nowhere add column tenant_id uuid;", "s.sql:2: alter table nowhere: no migration creates it"},
		"inherits nothing":    {"create table a () inherits (nowhere);", "inherits from nowhere"},
		"columns by execute":  {"do $$ begin execute format('alter table %I add column tenant_id uuid', 'a'); end $$;", "adds columns by EXECUTE"},
		"unterminated string": {"select 'x", "s.sql:1: "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseSchema("s.sql", c.sql)
			require.ErrorContains(t, err, c.want)
			require.Regexp(t, `\)$`, err.Error(), "no remedy")
		})
	}
}

// TestMigrationTools reads one file per tool; the way back must not be applied.
func TestMigrationTools(t *testing.T) {
	t.Parallel()
	up := "create table a (tenant_id uuid);\n"
	down := "drop table a;\n"
	cases := map[string]map[string]string{
		"goose":       {"1_a.sql": "-- +goose Up\n" + up + "-- +goose Down\n" + down},
		"goose do":    {"1_a.sql": "-- +goose Up\n" + up + "-- +goose Down\n-- +goose StatementBegin\ndo $$\nbegin\n  drop table a;\n-- don't\nend $$;\n-- +goose StatementEnd\n"},
		"migrate":     {"1_a.up.sql": up, "1_a.down.sql": down},
		"dbmate":      {"1_a.sql": "-- migrate:up\n" + up + "-- migrate:down\n" + down},
		"tern":        {"1_a.sql": up + "---- create above / drop below ----\n" + down},
		"sql-migrate": {"1_a.sql": "-- +migrate Up\n" + up + "-- +migrate Down\n" + down},
		"flyway":      {"V1__a.sql": up, "U1__a.sql": down},
		"numbers":     {"9_a.sql": up, "10_b.sql": "alter table a add column x int; alter table a drop column x;"},
		"subfolders":  {"20240101_init/migration.sql": up, "20240102_more/migration.sql": "alter table a add x int; alter table a drop x;"},
		"pg_dump": {"dump.sql": "\\restrict abc\nSET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n" +
			"CREATE TABLE public.a (tenant_id uuid);\nCOPY public.a (tenant_id) FROM stdin;\nit's; drop table a;\n\\.\n\\unrestrict abc\n"},
		"mark in a string": {"1_a.sql": up + "comment on table a is '\n-- +goose Down\n';\n"},
		"byte order mark":  {"1_a.sql": "\ufeff" + up},
	}
	for name, files := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range files {
				path := filepath.Join(dir, file)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			}
			s, err := ReadSchema([]string{dir})
			require.NoError(t, err)
			require.Equal(t, "tenant_id", columnsOf(s, "a"))
		})
	}
}

func TestTenantTables(t *testing.T) {
	t.Parallel()
	s, err := ParseSchema("s.sql", `
create table organizations (id uuid primary key);
create table accounts (id uuid primary key);
create table a (organization_id uuid, x int);
create table b ("orgId" uuid references accounts, organization_id uuid);
create view v as select * from a;
create table shared (x int);`)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		levels []Level
		want   map[string]string
	}{
		"one name":       {[]Level{{Columns: []string{"organization_id"}}}, map[string]string{"a": "organization_id", "b": "organization_id", "organizations": "id"}},
		"two names":      {[]Level{{Columns: []string{"orgId", "organization_id"}}}, map[string]string{"a": "organization_id", "b": "orgId", "accounts": "id"}},
		"named table":    {[]Level{{Columns: []string{"organization_id"}, Table: "accounts"}}, map[string]string{"a": "organization_id", "b": "organization_id", "accounts": "id"}},
		"unknown column": {[]Level{{Columns: []string{"tenant_id"}}}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			for tab, e := range newTenancy(s, c.levels).tables {
				got[tab.Name] = e.columns[0]
			}
			require.Equal(t, c.want, got)
		})
	}
}
