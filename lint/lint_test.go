package lint

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const testSchema = `
create table tenants (id uuid primary key, slug text not null unique);
create table bookings (tenant_id uuid not null references tenants, id uuid not null, title text, customer_id uuid, primary key (tenant_id, id));
create table customers (tenant_id uuid not null references tenants, id uuid not null, email text, unique (email), unique (tenant_id, email), primary key (tenant_id, id));
create table jobs (tenant_id uuid not null, id bigserial primary key, state text);
create table currencies (code text primary key, tenant text);
create table bare (tenant_id text, n int);
create table queue (tenant_id uuid not null, id int, n int, unique (id) deferrable);
create unique index on queue (n) where n > 0;
create view booking_titles as select tenant_id, id, title from bookings;
create view counts as select count(*) as n from bookings;
create view per_tenant as select tenant_id, count(*) as n from bookings group by tenant_id;
`

func verdictOf(t *testing.T, sql string) []Finding {
	t.Helper()
	s, err := ParseSchema("schema.sql", testSchema)
	require.NoError(t, err)
	r, err := Check(s, []File{{"q.sql", sql}}, Options{})
	require.NoError(t, err)
	return r.Findings
}

func TestPinned(t *testing.T) {
	t.Parallel()
	for _, sql := range pinnedQueries {
		for _, f := range verdictOf(t, sql) {
			t.Errorf("%s\n   %v", sql, f)
		}
	}
}

func TestNotPinned(t *testing.T) {
	t.Parallel()
	for _, sql := range freeQueries {
		if len(verdictOf(t, sql)) == 0 {
			t.Errorf("passed: %s", sql)
		}
	}
}

var pinnedQueries = []string{
	`select * from bookings where tenant_id = $1`,
	`select * from bookings where $1 = tenant_id and title = $2`,
	`select * from bookings b where b.tenant_id = @tenant_id and id = @id`,
	`select * from bookings where tenant_id=@tenant_id`,
	`select sqlc.embed(b) from bookings b where tenant_id = sqlc.arg(tenant_id)::uuid`,
	`select * from bookings where (tenant_id, id) = ($1, $2)`,
	`select * from bookings where tenant_id in ($1)`,
	`select * from bookings where tenant_id = any(array[$1]::uuid[])`,
	`select * from bookings where tenant_id between $1 and $1`,
	`select * from bookings where tenant_id >= $1 and tenant_id <= $1`,
	`select * from bookings where not (tenant_id <> $1)`,
	`select * from bookings where not not (tenant_id = $1)`,
	`select * from bookings where tenant_id is not distinct from $1`,
	`select * from bookings where (tenant_id = $1 and title = 'a') or (title = 'b' and tenant_id = $1)`,
	`select * from bookings where case when tenant_id = $1 then true else false end`,
	`select * from bookings where (tenant_id = $1) is true`,
	`select * from bookings where tenant_id::text = $1`,
	`select * from bookings b join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id where b.tenant_id = $1`,
	`select * from bookings b join customers c using (tenant_id) where tenant_id = $1`,
	`select * from bookings b left join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id where b.tenant_id = $1`,
	`select * from bookings b left join customers c on c.tenant_id = $1 where b.tenant_id = $1`,
	`select * from bookings b left join customers c on c.id = b.customer_id where b.tenant_id = $1 and c.tenant_id = $1`,
	`select * from bookings b full join customers c using (tenant_id, id) where tenant_id = $1`,
	`select * from bookings b full join customers c on c.tenant_id = b.tenant_id where b.tenant_id = $1`,
	`select * from bookings b right join customers c on c.tenant_id = b.tenant_id where c.tenant_id = $1`,
	`select * from bookings b, customers c where b.tenant_id = c.tenant_id and c.tenant_id = $1`,
	`select (select count(*) from customers c where c.tenant_id = b.tenant_id) from bookings b where b.tenant_id = $1`,
	`select * from bookings b where b.tenant_id = $1 and exists (select 1 from customers c where c.tenant_id = b.tenant_id)`,
	`select * from bookings b where b.tenant_id = $1 and not exists (select 1 from customers c where c.tenant_id = b.tenant_id)`,
	`select * from bookings b where exists (select 1 from customers c where c.tenant_id = b.tenant_id and c.tenant_id = $1)`,
	`select * from bookings b where (b.tenant_id, b.customer_id) in (select tenant_id, id from customers where tenant_id = $1)`,
	`select * from bookings b where b.tenant_id = $1 and (b.tenant_id, b.customer_id) in (select tenant_id, id from customers)`,
	`select * from (select * from bookings) b where b.tenant_id = $1`,
	`with b as (select * from bookings) select * from b where tenant_id = $1`,
	`with b as (select * from bookings where tenant_id = $1) select * from b join customers c on c.tenant_id = b.tenant_id`,
	`with b as (select * from bookings) select 1`,
	`with recursive r as (select tenant_id, id from bookings where tenant_id = $1 union all select b.tenant_id, b.id from bookings b join r on r.tenant_id = b.tenant_id and r.id = b.customer_id) select * from r`,
	`select * from bookings where tenant_id = $1 union select tenant_id, id, email, null from customers where tenant_id = $1`,
	`select * from (select tenant_id, id from bookings union all select tenant_id, id from customers) u where tenant_id = $1`,
	`select tenant_id, id from bookings where tenant_id = $1 except select tenant_id, id from customers`,
	`select * from booking_titles where tenant_id = $1`,
	`select * from per_tenant where tenant_id = $1`,
	`select tenant_id, count(*) from bookings group by tenant_id having tenant_id = $1`,
	`select count(*) filter (where tenant_id = $1) from bookings`,
	`select * from (select tenant_id, row_number() over (partition by tenant_id order by id) n from bookings) x where tenant_id = $1`,
	`insert into bookings (tenant_id, id) values ($1, $2)`,
	`insert into bookings values ($1, $2, 'x', null), ($1, $3, 'y', null)`,
	`insert into bookings (tenant_id, id) select tenant_id, id from customers where tenant_id = $1`,
	`insert into bookings (id, tenant_id) select x, $1 from unnest($2::uuid[]) as x`,
	`insert into customers (tenant_id, id, email) values ($1, $2, $3) on conflict (tenant_id, email) do update set email = excluded.email where customers.tenant_id = excluded.tenant_id returning *`,
	`insert into jobs (tenant_id, state) values ($1, 'x') on conflict do nothing`,
	`insert into tenants (id, slug) values ($1, $2)`,
	`insert into tenants (id, slug) values (gen_random_uuid(), $1) returning id`,
	`select * from tenants where id = $1`,
	`select b.* from tenants t join bookings b on b.tenant_id = t.id where t.id = $1`,
	`update bookings set title = $2 where tenant_id = $1 and id = $3`,
	`update bookings b set title = c.email from customers c where b.tenant_id = $1 and c.tenant_id = b.tenant_id`,
	`delete from bookings where tenant_id = $1`,
	`delete from bookings b using customers c where b.tenant_id = c.tenant_id and c.tenant_id = $1`,
	`update jobs set state = 'run' where id = (select id from jobs where tenant_id = $1 order by id limit 1 for update skip locked) returning *`,
	`with p as (select id from jobs where tenant_id = $1 limit 5 for update skip locked) update jobs j set state = 'r' from p where p.id = j.id`,
	`merge into bookings b using (values ($1::uuid, $2::uuid)) s(t, id) on b.tenant_id = s.t and b.id = s.id when matched then update set title = 'x' when not matched then insert (tenant_id, id) values (s.t, s.id)`,
	`select * from currencies`,
	`select 1`,
	`select b.id, x.n from bookings b cross join lateral (select count(*) n from customers c where c.tenant_id = b.tenant_id) x where b.tenant_id = $1`,
	`select b.id, x.n from bookings b left join lateral (select c.email n from customers c where c.tenant_id = b.tenant_id limit 1) x on true where b.tenant_id = $1`,
	`with u as (update bookings set title = 'x' where tenant_id = $1 returning *) select * from u join customers c on c.tenant_id = u.tenant_id`,
	`select b as row from bookings b where (b).tenant_id = $1`,
	`select * from bookings where tenant_id = (select $1::uuid)`,
	`select * from bookings where tenant_id = (select id from tenants where id = $1)`,
	`table currencies`,
	`select b.id from (bookings b join customers c on c.tenant_id = b.tenant_id) as j(a, b, c, d, e, f, g) where j.a = $1`,
}

var freeQueries = []string{
	`select * from bookings`,
	`select * from bookings where id = $1`,
	`select * from bookings where tenant_id = $1 or $2`,
	`delete from queue where id in (select id from queue where tenant_id = $1)`,
	`delete from queue where n in (select n from queue where tenant_id = $1)`,
	`select * from bookings where tenant_id = $1 and title = 'a' or title = 'b'`,
	`select * from bookings where $1::uuid is null or tenant_id = $1`,
	`select * from bookings where tenant_id = coalesce($1, tenant_id)`,
	`select * from bookings where tenant_id <> $1`,
	`select * from bookings where tenant_id = any($1::uuid[])`,
	`select * from bookings where tenant_id in ($1, $2)`,
	`select * from bookings where tenant_id between $1 and $2`,
	`select * from bookings where tenant_id = tenant_id`,
	`select * from bookings where tenant_id = 'a0000000-0000-0000-0000-000000000001'`,
	`select * from bookings where tenant_id = current_setting('app.tenant')::uuid`,
	`select * from bookings where lower(tenant_id::text) = $1`,
	`select * from bare where tenant_id is not distinct from $1`,
	`select * from bare where tenant_id::char(3) = $1`,
	`select * from bookings where tenant_id = $1::text::char(3)::uuid`,
	`select * from bookings where not (tenant_id = $1)`,
	`select * from bookings where (tenant_id = $1) is not false`,
	`select * from bookings b join customers c on c.id = b.customer_id where b.tenant_id = $1`,
	`select * from bookings b left join customers c on b.tenant_id = $1`,
	`select * from bookings b left join customers c on c.tenant_id = b.tenant_id where c.id is null`,
	`select * from bookings b left join customers c on c.id = b.customer_id and b.tenant_id = c.tenant_id`,
	`select * from bookings b full join customers c on b.tenant_id = $1 and c.tenant_id = $1`,
	`select * from bookings b left join customers c on c.id = b.customer_id where b.tenant_id = $1 and (c.tenant_id = $1 or c.tenant_id is null)`,
	`select * from bookings b full join customers c on c.tenant_id = b.tenant_id and b.tenant_id = $1`,
	`select * from bookings b right join customers c on c.tenant_id = b.tenant_id and c.tenant_id = $1`,
	`select (select count(*) from customers c) from bookings b where b.tenant_id = $1`,
	`select * from bookings b where b.tenant_id = $1 and exists (select 1 from customers c where c.id = b.customer_id)`,
	`select * from bookings b where not exists (select 1 from customers c where c.tenant_id = b.tenant_id and c.tenant_id = $1)`,
	`select * from bookings b where exists (select 1 from customers c where c.tenant_id = $1)`,
	`select * from bookings b where exists (select count(*) from customers c where c.tenant_id = b.tenant_id and c.tenant_id = $1)`,
	`select * from bookings where id in (select customer_id from bookings where tenant_id = $1)`,
	`select * from (select * from bookings limit 10) b where b.tenant_id = $1`,
	`select * from (select distinct on (id) tenant_id, id from bookings) b where b.tenant_id = $1`,
	`select * from (select tenant_id, row_number() over (order by id) n from bookings) x where tenant_id = $1`,
	`select * from (select id, $1::uuid as tenant_id from bookings) x where tenant_id = $1`,
	`with b as (select * from bookings) select * from b where tenant_id = $1 union all select * from b`,
	`with d as (delete from bookings returning *) select * from d where tenant_id = $1`,
	`with recursive r as (select tenant_id, id from bookings where tenant_id = $1 union all select b.tenant_id, b.id from bookings b join r on r.id = b.customer_id) select * from r`,
	`select id from bookings where tenant_id = $1 union all select id from customers`,
	`select id from bookings where tenant_id = $1 except select id from customers`,
	`select * from booking_titles`,
	`select * from counts`,
	`select tenant_id, count(*) from bookings group by rollup (tenant_id) having tenant_id = $1`,
	`select count(*) filter (where tenant_id = $1), count(*) from bookings`,
	`insert into bookings (id) values ($1)`,
	`insert into bookings (tenant_id, id) values ($1, $2), ($3, $4)`,
	`insert into bookings (tenant_id, id) select tenant_id, id from customers`,
	`insert into bookings (tenant_id, id) select $1, id from customers`,
	`insert into bookings default values`,
	`insert into customers (tenant_id, id, email) values ($1, $2, $3) on conflict (email) do update set email = excluded.email where customers.tenant_id = $1`,
	`insert into customers (tenant_id, id, email) values ($1, $2, $3) on conflict do nothing`,
	`insert into customers (tenant_id, id, email) values ($1, $2, $3) on conflict on constraint customers_email_key do nothing`,
	`insert into jobs (tenant_id, id, state) values ($1, $2, 'x') on conflict do nothing`,
	`insert into customers (tenant_id, id, email) values ($1, $2, $3) on conflict (tenant_id, email) do update set tenant_id = $4`,
	`select * from tenants where slug = $1`,
	`update bookings set tenant_id = $2 where tenant_id = $1`,
	`update bookings set title = 'x' where id = $1`,
	`update bookings b set title = c.email from customers c where c.tenant_id = $1 and c.id = b.customer_id`,
	`update bookings b set title = c.email from customers c where b.tenant_id = $1 and c.id = b.customer_id`,
	`update bookings set title = (select email from customers where id = customer_id) where tenant_id = $1`,
	`delete from bookings where tenant_id = $1 returning (select count(*) from customers)`,
	`delete from bookings where current of c`,
	`merge into bookings b using (values ($1::uuid, $2::uuid)) s(t, id) on b.id = s.id when matched then update set title = 'x' when not matched then insert (tenant_id, id) values (s.t, s.id)`,
	`merge into bookings b using customers c on b.tenant_id = $1 and c.id = b.customer_id when matched then delete`,
	`merge into bookings b using (values ($1::uuid)) s(t) on b.tenant_id = s.t when not matched by source then delete`,
	`select * from bookings b, customers c where b.tenant_id = $1 and c.tenant_id = $2`,
	`select query_to_xml('select * from bookings', true, false, '')`,
	`select my_function($1)`,
	`select * from pg_stats`,
	`truncate bookings`,
	`copy bookings to stdout`,
	`lock table bookings`,
	`select * into x from bookings where tenant_id = $1`,
	`select * from bookings where tenant_id = sqlc.narg(tenant_id)`,
	`select * from bookings where tenant_id in (sqlc.slice(ids))`,
	`select * from nowhere`,
	`select from where`,
	`with t as (select 1 as tenant_id) select * from bookings where tenant_id in (select tenant_id from t)`,
	`select * from bookings where tenant_id in (select tenant_id from currencies where tenant = $1)`,
	`select * from customers as bookings, bookings as customers where bookings.tenant_id = $1`,
	`explain analyze select * from bookings`,
	`select * from bookings order by (select count(*) from customers)`,
	`select count(*) from bookings having count(*) > (select count(*) from customers where tenant_id = $1)`,
}
