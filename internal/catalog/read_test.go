package catalog

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// with runs a script in a transaction that is rolled back.
func with(t *testing.T, pool *pgxpool.Pool, script string) pgx.Tx {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(t.Context()) })
	if _, err := tx.Conn().PgConn().Exec(t.Context(), script).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestRead(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, pgtest.Config{Empty: true}).Admin(t)
	tx := with(t, pool, `
		create schema "My Shop";
		create domain "My Shop".amount as numeric not null check (value > 0);
		create table "My Shop"."order" (tenant_id uuid, id bigint generated always as identity, total "My Shop".amount default 1,
			twice numeric generated always as (1 + 1) stored, primary key (tenant_id, id));
		create table "My Shop".line (tenant_id uuid, order_id bigint, n int check (n > 0), note text,
			foreign key (tenant_id, order_id) references "My Shop"."order" on delete set null (order_id));
		create unique index line_n on "My Shop".line (tenant_id, lower(note)) include (n) where n > 1;
		alter table "My Shop"."order" enable row level security, force row level security;
		create policy p on "My Shop"."order" for update using (tenant_id = current_setting('a.b')::uuid) with check (true);
		create view "My Shop".v with (security_invoker) as select * from "My Shop".line;
		create function "My Shop".f(a int, b text) returns int language sql stable security definer set search_path = '' begin atomic select 1; end;
		create table part (a int) partition by list (a);
		create table part_1 partition of part for values in (1)`)
	c, err := Read(t.Context(), tx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	names := func(name string) *Relation {
		i := slices.IndexFunc(c.Relations, func(r *Relation) bool { return r.Name() == name })
		if i < 0 {
			t.Fatalf("there is no %s", name)
		}
		return c.Relations[i]
	}
	order, line := names(`"My Shop"."order"`), names(`"My Shop".line`)
	if !order.RLS || !order.Force || line.RLS || c.Relation(order.OID) != order {
		t.Error("row-level security is read wrongly")
	}
	total := order.ColumnNamed("total")
	if total.TypeKind != "d" || total.BaseType != "numeric" || !total.NotNull || total.Default != "1" {
		t.Errorf("a column of a domain is %+v", total)
	}
	if id := order.ColumnNamed("id"); id.Identity != "a" || !slices.Equal(order.PrimaryKey(), []int16{1, 2}) || order.ColumnNamed("twice").Generated != "s" {
		t.Errorf("keys are read wrongly: %+v %v", id, order.PrimaryKey())
	}
	i := slices.IndexFunc(line.Constraints, func(k *Constraint) bool { return k.Type == "f" })
	if k := line.Constraints[i]; k.References != order.OID || k.OnDelete != "n" || !slices.Equal(k.OnDeleteColumns, []int16{2}) || !slices.Equal(k.ReferencedColumns, []int16{1, 2}) {
		t.Errorf("a foreign key is %+v", k)
	}
	x := line.Indexes[0]
	if !x.Unique || !slices.Equal(x.Columns, []int16{1, 0}) || !slices.Equal(x.Included, []int16{3}) || x.Expressions == "" || x.Predicate == "" {
		t.Errorf("an index is %+v", x)
	}
	if p := order.Policies[0]; p.Command != "w" || !p.Permissive || !slices.Equal(p.Roles, []OID{0}) || !strings.Contains(p.Using, "current_setting") || p.Check != "true" {
		t.Errorf("a policy is %+v", p)
	}
	if v := names(`"My Shop".v`); v.Kind != View || !v.Option("security_invoker") || len(v.Rules) != 1 {
		t.Errorf("a view is %+v", v)
	}
	f := c.Functions[0]
	if path, ok := f.Setting("search_path"); f.Name() != `"My Shop".f(integer, text)` || !f.Definer || !ok || path != `""` || f.Tree == "" {
		t.Errorf("a function is %+v", f)
	}
	if p := names("public.part_1"); !p.Partition || len(c.Ancestors(p)) != 1 || names("public.part").PartitionKey == "" {
		t.Errorf("a partition is %+v", p)
	}

	trees, err := Read(t.Context(), tx, Options{WithoutText: true, Schemas: []string{"My Shop"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(trees.Relations) != 3 {
		t.Errorf("%d relations in one schema", len(trees.Relations))
	}
	for _, r := range trees.Relations {
		for _, p := range r.Policies {
			if p.Using != "" || p.UsingTree == "" {
				t.Errorf("without texts, a policy is %+v", p)
			}
		}
	}
}

func TestTenancy(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, pgtest.Config{Empty: true}).Admin(t)
	for _, test := range []struct {
		name, script string
		names        []string
		want         string // names | tables.column | directories
	}{
		{
			"the usual",
			`create table tenants (id uuid primary key); create table doc (tenant_id uuid references tenants); create table plan (code text)`,
			nil, "tenant_id | doc.tenant_id | tenants.id",
		},
		{
			"a directory by its name",
			`create table organization (id int primary key); create table doc (organization_id int)`,
			nil, "organization_id | doc.organization_id | organization.id",
		},
		{
			"camelCase",
			`create table doc ("companyId" int); create table note ("companyId" int, "userId" int)`,
			nil, "companyId | doc.companyId note.companyId | ",
		},
		{
			"what policies compare",
			`create table doc (account_id int, org_id int); create policy p on doc using (org_id = current_setting('a.b')::int)`,
			nil, "org_id | doc.org_id | ",
		},
		{
			"an unknown word that policies compare",
			`create table doc (realm int, user_id int); create policy p on doc using (realm = current_setting('a.b')::int and user_id = 1)`,
			nil, "realm | doc.realm | ",
		},
		{
			"a key to the directory under another name",
			`create table tenants (id int primary key); create table doc (tenant_id int references tenants); create table note (owner int references tenants)`,
			nil, "tenant_id | doc.tenant_id note.owner | tenants.id",
		},
		{
			"a composite key to a parent",
			`create table doc (tenant_id int, id int, primary key (tenant_id, id)); create table note (t int, d int, foreign key (t, d) references doc)`,
			nil, "tenant_id | doc.tenant_id note.t | ",
		},
		{
			"a longer name",
			`create table doc (tenant_id int); create table note (owner_tenant_id int); create table pair (from_tenant_id int, to_tenant_id int)`,
			nil, "tenant_id | doc.tenant_id note.owner_tenant_id | ",
		},
		{
			"two keys to the directory say nothing",
			`create table tenants (id int primary key); create table doc (tenant_id int references tenants); create table transfer (a int references tenants, b int references tenants)`,
			nil, "tenant_id | doc.tenant_id | tenants.id",
		},
		{
			"partitions and children",
			`create table ev (tenant_id int, d date) partition by range (d); create table ev1 partition of ev default; create table base (tenant_id int); create table kid (x int) inherits (base)`,
			nil, "tenant_id | base.tenant_id ev.tenant_id ev1.tenant_id kid.tenant_id | ",
		},
		{
			"given names",
			`create table doc (who int); create table note (whom int); create table other (tenant_id int)`,
			[]string{"who", "whom"},
			"who whom | doc.who note.whom | ",
		},
		{"a flag is no tenant", `create table doc (tenant boolean)`, nil, "error"},
		{"nothing", `create table doc (id int)`, nil, "error"},
		{"a name that is nowhere", `create table doc (tenant_id int)`, []string{"tenant"}, "error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tx := with(t, pool, test.script)
			defer func() { _ = tx.Rollback(t.Context()) }()
			c, err := Read(t.Context(), tx, Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := "error"
			if tenancy, err := c.Tenancy(test.names); err == nil {
				var tables, directories []string
				for _, r := range tenancy.Tables {
					tables = append(tables, r.RelName+"."+tenancy.Column(r).Name)
				}
				for _, r := range tenancy.Directories {
					directories = append(directories, r.RelName+"."+tenancy.Column(r).Name)
				}
				got = strings.Join(tenancy.Names, " ") + " | " + strings.Join(tables, " ") + " | " + strings.Join(directories, " ")
			} else if !errors.Is(err, ErrNoTenantTable) {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
