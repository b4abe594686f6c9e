-- Queries in which another tenant's rows matter or change.
-- The tenant is $1 or @tenant_id where there is one, and what "tenant:" names otherwise.

-- no condition
-- tenant: none
select * from bookings;
-- tenant: none
select * from bookings where id = $1;
-- tenant: none
select * from bookings where title = @title;
-- tenant: none
select count(*) from bookings;
-- tenant: none
select max(title) from bookings where status = 'open';
-- tenant: none
select * from bookings where id = any ($1::uuid[]);
-- tenant: none
table bookings;
-- tenant: none
select * from events_2026;
-- tenant: none
select * from contracts;
-- tenant: none
select * from only documents;
-- tenant: none
select "prefValue" from "userPrefs";
-- tenant: none
select * from billing.invoices where paid;
-- tenant: none
select * from tenants;
-- tenant: none
select * from tenants where slug = $1;
-- tenant: none
select exists (select 1 from profiles where handle = $1);
-- tenant: none
select handle from profiles where id = $1;
-- tenant: none
select state, count(*) from jobs group by state;
-- tenant: none
select * from bookings order by amount desc limit 1;

-- conditions that are not equality with the parameter
select * from bookings where tenant_id <> $1;
select * from bookings where not (tenant_id = $1);
select * from bookings where tenant_id >= $1;
select * from bookings where tenant_id < $1 or tenant_id = $1 or tenant_id > $1;
select * from bookings where tenant_id between $1 and $2;
select * from bookings where tenant_id in ($1, $2);
select * from bookings where tenant_id = any ($1::uuid[]);
select * from bookings where tenant_id = any (array[$1, $2]::uuid[]);
select * from bookings where tenant_id <> all (array[$1]::uuid[]);
select * from bookings where tenant_id not in ($1);
select * from bookings where tenant_id is distinct from $1;
select * from bookings where tenant_id is not null and id = $2 and $1::uuid is not null;
select * from drafts where tenant_id like $1 || '%' or body like 'B%';
select * from drafts where tenant_id like $1::text || '%' or length(tenant_id) < 3;
select * from drafts where left(tenant_id, 0) = left($1, 0);
select * from drafts where substr(tenant_id, 2) = substr($1, 2);
select * from drafts where tenant_id::char(1) = $2::char(1) and $1::text is not null;
select * from drafts where length(tenant_id) = length($1);
select * from drafts where tenant_id > '' and coalesce($1, '') is not null;
select * from bookings where tenant_id::text like '%0' and $1::uuid is not null;
select * from bookings where right(tenant_id::text, 4) = right($1::text, 4);
select * from bookings where md5(tenant_id::text) <> md5($1::text);
select * from bookings where tenant_id = tenant_id and $1::uuid is not null;
select * from bookings where $1::uuid = $1;
select * from bookings b where $1::uuid = any (select id from tenants where id = $1);
select * from bookings where tenant_id = coalesce($1, tenant_id);
select * from bookings where tenant_id = coalesce($2::uuid, $1::uuid);
select * from bookings where $1::uuid is null or tenant_id = $1;
select * from bookings where tenant_id = $1 or $1::uuid is null;
select * from bookings where case when $1::uuid is null then true else tenant_id = $1 end;
select * from bookings where tenant_id = case when $2::bool then $1 else tenant_id end;
select * from bookings where tenant_id = nullif($1::uuid, $1::uuid) or tenant_id is not null;
select * from bookings where coalesce(tenant_id = $1, true) or status = 'open';
select * from bookings where tenant_id = greatest($1::uuid, $2::uuid);
select * from bookings where (tenant_id = $1) is not null;
select * from bookings where (tenant_id = $1) is not true;
select * from bookings where (tenant_id = $1) = false;
select * from bookings where (tenant_id = $1) in (true, false);
select * from bookings where not (tenant_id = $1 and status = 'open');
select * from bookings where tenant_id = $1 or status = 'open';
select * from bookings where tenant_id = $1 and status = 'done' or status = 'open';
select * from bookings where status = 'open' or amount > 10 and tenant_id = $1;
select * from bookings where (tenant_id = $1 and status = 'open') or (id = $2 and status = 'done');
select * from bookings where tenant_id = $1 or true;
select * from bookings where tenant_id = $1 or exists (select 1 from tenants where id = $1);
select * from bookings where (tenant_id, id) >= ($1, $2);
select * from bookings where (tenant_id, id) in (($1, $2), ($3, '00000000-0000-0000-0000-000000000001'));
select * from bookings where (id, id) = ($2, $2) and $1::uuid is not null;
-- tenant: none
select * from bookings where id = $1 and status = 'open';
select * from bookings where customer_id = $1 or customer_id = $2;
-- tenant: none
select * from bookings where tenant_id = 'b0000000-0000-0000-0000-000000000000';
-- tenant: none
select * from bookings where tenant_id = (select id from tenants where slug = $1);
-- tenant: none
select * from bookings where tenant_id in (select tenant_id from profiles where handle = $1);
select * from bookings where tenant_id = (select tenant_id from bookings where id = '00000000-0000-0000-0000-000000000004') and $1::uuid is not null;
select * from bookings where tenant_id in (select tenant_id from customers where tenant_id <> $1);
select * from bookings where tenant_id in (select tenant_id from tags where $1::uuid is not null);
select * from bookings where exists (select 1 from tags where tenant_id = $1 or label = 'red');

-- joins
select * from bookings b join customers c on c.id = b.customer_id where b.tenant_id = $1;
select * from bookings b join customers c on c.id = b.customer_id where c.tenant_id = $1;
select * from bookings b join customers c using (id) where b.tenant_id = $1;
select * from bookings b, customers c where b.tenant_id = $1;
select * from bookings b cross join rooms r where b.tenant_id = $1;
select * from bookings b join customers c on c.tenant_id = b.tenant_id;
-- tenant: none
select * from bookings b join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id where b.id = $1;
select * from bookings b join customers c on c.tenant_id <> b.tenant_id where b.tenant_id = $1;
select * from bookings b join customers c on c.tenant_id = b.tenant_id or c.id = b.customer_id where b.tenant_id = $1;
select * from bookings b join customers c on c.id = b.customer_id join rooms r on r.tenant_id = c.tenant_id where b.tenant_id = $1;
select * from bookings b join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id join rooms r on r.id = b.room_id where b.tenant_id = $1;
select * from bookings b left join customers c on c.id = b.customer_id where b.tenant_id = $1;
select * from bookings b left join customers c on c.tenant_id = $1 and c.id = b.customer_id;
select * from bookings b left join customers c on c.tenant_id = b.tenant_id and b.tenant_id = $1;
select * from bookings b left join customers c on b.tenant_id = $1 and c.id = b.customer_id where b.status = 'open';
select b.id from bookings b left join customers c on c.id = b.customer_id where b.tenant_id = $1 and (c.tenant_id = $1 or c.tenant_id is null);
select b.id from bookings b left join customers c on c.id = b.customer_id where b.tenant_id = $1 and c.id is null;
select b.id from bookings b left join customers c on c.id = b.customer_id and c.tenant_id <> b.tenant_id where b.tenant_id = $1 and c.id is null;
select * from bookings b left join customers c using (tenant_id) where c.vip is null or c.vip;
select * from customers c right join bookings b on c.tenant_id = $1 and c.id = b.customer_id;
select * from bookings b right join customers c on b.tenant_id = c.tenant_id and c.tenant_id = $1;
select * from bookings b full join customers c on b.tenant_id = $1 and c.tenant_id = $1;
select * from bookings b full join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id where b.tenant_id = $1 or c.tenant_id = $1 or b.id is null;
select * from (select * from bookings where tenant_id = $1) b full join customers c on c.tenant_id = b.tenant_id;
select * from bookings b full join customers c using (tenant_id, id) where b.status = 'open' or c.vip;
select * from bookings b left join (customers c join rooms r on r.id = c.id) on c.tenant_id = b.tenant_id where b.tenant_id = $1;
select * from bookings b cross join lateral (select b.tenant_id as n) x left join (customers c left join rooms r on r.id = c.id) on c.tenant_id = x.n where b.tenant_id = $1;
select * from bookings b1 join bookings b2 on b2.status = b1.status where b1.tenant_id = $1;
select * from bookings b join tenants t on t.id <> b.tenant_id where b.tenant_id = $1;
select * from bookings b, tenants t where b.tenant_id = $1;
select bookings.id from bookings as customers, customers as bookings where customers.tenant_id = $1;
select * from bookings b natural join countries where $1::uuid is not null;
select * from rooms natural join (select id, capacity from rooms where tenant_id = $1) x;
select * from bookings b join customers c on c.tenant_id = $2 where b.tenant_id = $1;
select * from bookings b, customers c where b.tenant_id = $1 and c.tenant_id = $2 and c.id = b.customer_id;
select b.id, i.total from bookings b join billing.invoices i on i.booking_id = b.id where b.tenant_id = $1;
select x.b from bookings as x (a, b, c, d, e, f, g, h) where x.b = $2 and $1::uuid is not null;
select j.t from (bookings b join customers c on c.id = b.customer_id) as j (t) where j.t = $1;
select * from bookings b join profiles p on p.tenant_id = p.tenant_id where b.tenant_id = $1;
select * from bookings b join customers c on coalesce(c.tenant_id, b.tenant_id) = c.tenant_id where b.tenant_id = $1;
select * from bookings b join customers c on left(c.tenant_id::text, 0) = left(b.tenant_id::text, 0) where b.tenant_id = $1;
select b.title, (c).name from bookings b, customers c where (b).tenant_id = $1;

select * from bookings b left join customers c on c.id = b.customer_id left join rooms r on r.id = b.room_id where b.tenant_id = $1 and c.tenant_id is not distinct from r.tenant_id;
select * from bookings b left join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id where c.tenant_id is not distinct from $1;
select * from bookings b left join customers c on c.tenant_id is not distinct from b.tenant_id where c.vip or b.tenant_id = $1;

-- subqueries
select id, (select count(*) from bookings b where b.customer_id = c.id) from customers c where c.tenant_id = $1;
select id, (select count(*) from bookings) from customers c where c.tenant_id = $1;
select id, array(select title from bookings b where b.customer_id = c.id order by title) from customers c where c.tenant_id = $1;
select * from customers c where c.tenant_id = $1 and exists (select 1 from bookings b where b.customer_id = c.id and b.amount > 800);
select * from customers c where c.tenant_id = $1 and not exists (select 1 from bookings b where b.customer_id = c.id);
select * from customers c where c.tenant_id = $1 and c.id in (select customer_id from bookings);
select * from customers c where c.tenant_id = $1 and c.id not in (select customer_id from bookings where customer_id is not null);
select * from customers c where exists (select 1 from bookings b where b.tenant_id = $1);
select * from customers c where not exists (select 1 from bookings b where b.tenant_id = c.tenant_id and b.tenant_id = $1);
select * from customers c where not exists (select 1 from countries where code = 'xx' and c.tenant_id = $1);
select * from customers c where exists (select count(*) from bookings b where b.tenant_id = c.tenant_id and b.tenant_id = $1);
select * from customers c where c.id in (select customer_id from bookings where tenant_id = $1);
select * from customers c where (c.tenant_id, c.id) not in (select tenant_id, customer_id from bookings where tenant_id = $1);
select * from customers c where c.tenant_id not in (select id from tenants where id = $1);
select * from customers c where c.vip or exists (select 1 from bookings b where b.tenant_id = c.tenant_id and b.tenant_id = $1);
select * from customers c where c.tenant_id = $1 and c.score > any (select amount from bookings where id = c.id);
select * from customers c where c.tenant_id = $1 and c.score < all (select amount from bookings);
select * from customers where tenant_id = $1 order by (select max(amount) from bookings b where b.customer_id = customers.id) nulls last, id limit 1;
select status from bookings where tenant_id = $1 group by status having count(*) < (select count(*) from rooms) - 2;
select * from bookings where tenant_id = $1 order by id limit (select count(*) from rooms) - 2;
select * from bookings where tenant_id = $1 order by id offset (select count(*) - 3 from bookings);
select sum(amount) over (order by id rows between unbounded preceding and current row) + (select count(*) from rooms) from bookings where tenant_id = $1;
select * from (select * from bookings order by amount desc limit 2) b where b.tenant_id = $1;
select * from (select * from bookings order by amount desc offset 1) b where b.tenant_id = $1;
select * from (select id, $1::uuid as tenant_id, title from bookings) b where b.tenant_id = $1;
select * from (select customer_id as tenant_id, title from bookings) b where b.tenant_id = $2 and $1::uuid is not null;
select * from (select count(*) as n, $1::uuid as tenant_id from bookings) b where b.tenant_id = $1;
select * from (select min(tenant_id::text) as t, count(*) n from bookings group by status) b where b.t = $1::text;
select * from (select distinct on (id) tenant_id, id, title from bookings order by id, title desc) b where tenant_id = $1;
select * from (select tenant_id, id, rank() over (order by amount) from bookings) b where tenant_id = $1;
select * from (select tenant_id, title, lag(title) over (partition by status order by amount) from bookings) b where tenant_id = $1;
select * from (select tenant_id, id, rank() over (partition by tenant_id order by id), count(*) over () from bookings) b where tenant_id = $1;
select * from (select tenant_id, count(*) from bookings group by rollup (tenant_id)) b where tenant_id = $1 or tenant_id is null;
select tenant_id, count(*) from bookings group by grouping sets ((tenant_id), ()) having tenant_id = $1 or grouping(tenant_id) = 1;
select count(*) filter (where tenant_id = $1), count(*) from bookings;
select count(*) filter (where tenant_id = $1), count(*) filter (where status = 'open') from bookings;
select sum(case when tenant_id = $1 then 1 else 2 end) from bookings;
select status, count(*) filter (where tenant_id = $1) from bookings group by status, customer_id;
select count(*) from bookings having bool_or(tenant_id = $1);
select x.n from customers c cross join lateral (select count(*) n from bookings b where b.customer_id = c.id) x where c.tenant_id = $1;
select x.title from customers c left join lateral (select title from bookings b where b.customer_id = c.id order by title desc limit 1) x on true where c.tenant_id = $1;
select x.title from customers c left join lateral (select b.tenant_id, b.title from bookings b where b.customer_id = c.id order by b.amount desc limit 1) x on x.tenant_id = c.tenant_id where c.tenant_id = $1;
select * from bookings b where b.tenant_id = $1 and b.amount <> (select max(amount) from bookings m where m.status = b.status);
select b.id, s from bookings b, lateral (select count(*) s from rooms) x where b.tenant_id = $1;
select case when exists (select 1 from rooms where name = 'B den') then 1 else 0 end from tenants where id = $1;
select coalesce((select title from bookings where id = '00000000-0000-0000-0000-000000000004'), 'none') from tenants where id = $1;
select b.id from bookings b, generate_series(1, (select count(*)::int from rooms)) s where b.tenant_id = $1;
select * from (values ((select count(*) from bookings))) v (n), tenants t where t.id = $1;
select * from bookings b join customers c on c.tenant_id = b.tenant_id and exists (select 1 from rooms r where r.id = b.room_id and r.capacity > 400) where b.tenant_id = $1;

-- common table expressions
with b as (select * from bookings) select * from b;
with b as (select * from bookings) select * from b where status = 'open' and $1::uuid is not null;
with b as (select * from bookings) select b.*, (select count(*) from b) from b where tenant_id = $1;
with b as (select * from bookings where tenant_id = $1), c as (select * from customers) select * from b join c on c.id = b.customer_id;
with b as (select * from bookings order by amount desc limit 3) select * from b where tenant_id = $1;
with t as (select 'b0000000-0000-0000-0000-000000000000'::uuid as tenant_id) select * from bookings where tenant_id in (select tenant_id from t) and $1::uuid is not null;
with rooms as (select * from bookings) select title from rooms where $1::uuid is not null;
with d as (delete from bookings returning *) select * from d where tenant_id = $1;
with u as (update bookings set amount = 0 returning *) select * from u where tenant_id = $1;
with u as (update bookings set amount = 0 where id = '00000000-0000-0000-0000-000000000001') select 1 from tenants where id = $1;
with d as (delete from bookings where id = $2 returning *) select count(*) from d join customers c on c.tenant_id = d.tenant_id where c.tenant_id = $1;
with x as (select * from bookings), d as (delete from rooms returning *) select * from tenants where id = $1;
with recursive r as (select tenant_id, id from customers where tenant_id = $1 and referrer is null union select c.tenant_id, c.id from customers c join r on c.referrer = r.id) select * from r;
with recursive r as (select id from customers where tenant_id = $1 and id = '00000000-0000-0000-0000-000000000001' union select c.referrer from customers c join r on c.id = r.id) select * from r;
with recursive r as (select tenant_id, id from customers where tenant_id = $1 union select c.tenant_id, c.id from customers c join r on c.tenant_id >= r.tenant_id) select * from r;
with recursive r as (select id, 1 as n from customers where id = '00000000-0000-0000-0000-000000000001' union all select r.id, n + 1 from r join customers c on c.tenant_id = $1 and c.id = r.id where n < 3) select * from r;
with i as (insert into rooms (tenant_id, id, name, capacity) select $1, b.id, b.title, 1 from bookings b where b.id = '00000000-0000-0000-0000-000000000004' returning *) select * from i;

-- set operations
select id, title from bookings where tenant_id = $1 union select id, name from customers;
select id from bookings union all select id from customers where tenant_id = $1;
select title from bookings where tenant_id = $1 intersect select title from bookings where status = 'done' and tenant_id <> $1;
select id from bookings where tenant_id = $1 except select customer_id from bookings where status = 'done' and amount < 100;
select id from bookings except select id from bookings where tenant_id = $1;
select * from (select tenant_id, id from bookings union all select $1, id from rooms) u where u.tenant_id = $1;
select * from (select tenant_id, id from bookings where tenant_id = $1 union all select tenant_id, id from rooms) u;
select * from (select tenant_id, id, amount from bookings union all select tenant_id, id, 0 from rooms order by amount desc limit 3) u where u.tenant_id = $1;
(select id from bookings where tenant_id = $1 limit 1) union all (select id from rooms order by capacity desc offset 1);
select u.t, c.name from (select tenant_id as t from bookings where tenant_id = $1 union select id from tenants) u join customers c on c.tenant_id = u.t;
select title from bookings where tenant_id = $1 union select slug from tenants;

-- views
select * from booking_list;
select * from loose_list where tenant_id = $1;
select * from open_titles where title = $2 or $1::uuid is not null;
select * from grand_total;
select n from grand_total, tenants t where t.id = $1;
select * from ranked where tenant_id = $1;
select * from everyone where label = $2 or $1::uuid is not null;
select * from booking_copy where amount > 100;
select max(n) from tenant_totals;
select v.title, c.name from booking_list v join customers c on c.email = v.email where c.tenant_id = $1;
update open_bookings set amount = 0 where id = '00000000-0000-0000-0000-000000000001' and $1::uuid is not null;
delete from open_bookings where $1::uuid is not null;

-- functions
select booking_count('b0000000-0000-0000-0000-000000000000');
select query_to_xml('select * from public.bookings', true, false, '');
select table_to_xml('public.bookings'::regclass, true, false, '') from tenants where id = $1;
select * from ts_stat('select to_tsvector(''simple'', title) from public.bookings');

-- inserts
insert into rooms (id, name, capacity, tenant_id) values ('00000000-0000-0000-0000-000000000009', 'x', 1, 'b0000000-0000-0000-0000-000000000000');
insert into rooms (tenant_id, id, name, capacity) values ($1, '00000000-0000-0000-0000-000000000008', 'x', 1), ($2, '00000000-0000-0000-0000-000000000009', 'y', 1);
insert into rooms (tenant_id, id, name, capacity) select b.tenant_id, '00000000-0000-0000-0000-000000000009', 'copy', 1 from bookings b where b.id = '00000000-0000-0000-0000-000000000004';
insert into rooms (tenant_id, id, name, capacity) select $1, '00000000-0000-0000-0000-000000000009', b.title, 1 from bookings b where b.id = '00000000-0000-0000-0000-000000000004';
insert into rooms (tenant_id, id, name, capacity) values ($1, '00000000-0000-0000-0000-000000000009', (select max(title) from bookings), 1) returning name;
insert into rooms (tenant_id, id, name, capacity) select id, '00000000-0000-0000-0000-000000000009', 'all', 1 from tenants;
insert into rooms (tenant_id, id, name, capacity) select tenant_id, '00000000-0000-0000-0000-000000000009'::uuid, 'u', 1 from customers where tenant_id = $1 and id = '00000000-0000-0000-0000-000000000001' union select tenant_id, '00000000-0000-0000-0000-000000000009'::uuid, 'u', 1 from customers where id = '00000000-0000-0000-0000-000000000004';
insert into rooms (tenant_id, id, name, capacity) values ($1, '00000000-0000-0000-0000-000000000009', 'x', 1) returning (select count(*) from rooms);
insert into profiles (tenant_id, id, handle) values ($1, '00000000-0000-0000-0000-0000000000a9', 'same') on conflict (handle) do update set bio = 'hacked' returning *;
insert into profiles (tenant_id, id, handle) values ($1, '00000000-0000-0000-0000-0000000000a9', 'same') on conflict (handle) do update set bio = 'hacked' where profiles.tenant_id = excluded.tenant_id returning *;
insert into profiles (tenant_id, id, handle) values ($1, '00000000-0000-0000-0000-0000000000a9', 'same') on conflict (handle) do nothing returning *;
insert into profiles (tenant_id, id, handle) values ($1, '00000000-0000-0000-0000-0000000000a9', 'same') on conflict do nothing returning *;
insert into profiles (tenant_id, id, handle) values ($1, '00000000-0000-0000-0000-0000000000b1', 'new') on conflict (id) do update set bio = 'x' returning *;
insert into profiles (tenant_id, id, handle) values ($1, '00000000-0000-0000-0000-0000000000b1', 'new') on conflict on constraint profiles_pkey do update set handle = excluded.handle returning bio;
insert into profiles (tenant_id, id, handle) values ($1, '00000000-0000-0000-0000-0000000000a9', 'same') on conflict on constraint profiles_handle_key do nothing returning *;
insert into jobs (tenant_id, id, state) values ($1, 1, 'x') on conflict do nothing returning *;
insert into jobs (tenant_id, id, state) values ($1, 1, 'x') on conflict (id) do update set payload = 'stolen' returning *;
insert into tenants (id, slug, name) values ($1, 'beta', 'x') on conflict (slug) do update set name = 'hacked' returning *;
insert into customers (tenant_id, id, email) values ($1, '00000000-0000-0000-0000-000000000009', 'same') on conflict (tenant_id, email) do update set score = (select count(*) from bookings) returning *;
insert into customers (tenant_id, id, email) values ($1, '00000000-0000-0000-0000-000000000009', 'same') on conflict (tenant_id, email) do update set tenant_id = 'b0000000-0000-0000-0000-000000000000', email = 'moved' returning *;
insert into customers (tenant_id, id, email) values ($1, '00000000-0000-0000-0000-000000000009', 'same') on conflict (tenant_id, email) do update set score = 1 where exists (select 1 from bookings b where b.amount > 800) returning *;
insert into tags (id, label) select 9, max(title) from bookings;

-- updates and deletes
update bookings set title = 'x' where id = $2 and $1::uuid is not null;
-- tenant: none
update bookings set title = $1 || id::text;
update bookings set title = 'x' where tenant_id = $1 and id = $2 or status = 'open' and amount > 800;
update bookings set tenant_id = 'b0000000-0000-0000-0000-000000000000', id = '00000000-0000-0000-0000-000000000009' where tenant_id = $1 and id = '00000000-0000-0000-0000-000000000003' and title like 'A%';
update bookings set tenant_id = $2, id = '00000000-0000-0000-0000-000000000009' where tenant_id = $1 and id = '00000000-0000-0000-0000-000000000003';
update bookings set (tenant_id, amount) = ('b0000000-0000-0000-0000-000000000000', 7), id = '00000000-0000-0000-0000-000000000009' where tenant_id = $1 and id = '00000000-0000-0000-0000-000000000003';
update bookings b set title = c.name from customers c where c.tenant_id = $1 and c.id = b.customer_id;
update bookings b set title = c.name from customers c where b.tenant_id = $1 and c.id = '00000000-0000-0000-0000-000000000004';
update bookings b set amount = c.score from customers c where b.tenant_id = c.tenant_id and c.id = b.customer_id and c.vip;
update bookings set amount = (select count(*) from customers) where tenant_id = $1;
update bookings b set (title, amount) = (select name, score from customers c where c.id = b.customer_id order by score desc limit 1) where b.tenant_id = $1;
update bookings set amount = 5 where id in (select id from bookings where tenant_id = $1);
update rooms set capacity = 0 where id = (select id from rooms where tenant_id = $1 and name = 'A hall');
update jobs set state = 'run' where id = (select id from jobs where state = 'new' order by id limit 1 for update skip locked) and $1::uuid is not null returning *;
update jobs set state = 'run' where id = (select id from jobs where state = 'new' order by id limit 1) and tenant_id = $1 returning *;
update bookings set amount = 1 where tenant_id = $1 returning (select max(title) from bookings);
update tenants set name = 'x' where slug = 'beta' and $1::uuid is not null;
update documents set body = 'x' where id = 2 and $1::uuid is not null;
update events set kind = 'x' where at > '2026-01-01' and $1::uuid is not null;
-- tenant: none
delete from bookings;
-- tenant: none
delete from bookings where id = $1;
delete from bookings where tenant_id <> $1;
delete from bookings b using customers c where c.tenant_id = $1 and c.id = b.customer_id;
delete from bookings b using customers c where b.tenant_id = $1 and c.id = b.customer_id and c.score > 60;
delete from bookings where tenant_id = $1 and id in (select booking_id from billing.invoices where paid and total > 50);
delete from bookings where id in (select id from bookings where tenant_id = $1);
delete from jobs where id in (select id from jobs order by id limit 1) and $1::uuid is not null;
-- tenant: none
truncate jobs;
-- tenant: none
truncate bookings, rooms;

-- merge
merge into rooms r using (values ($1::uuid, '00000000-0000-0000-0000-000000000004'::uuid)) s (t, id) on r.id = s.id when matched then update set name = 'hacked' when not matched then insert (tenant_id, id, name, capacity) values (s.t, s.id, 'n', 1);
merge into rooms r using customers c on r.tenant_id = $1 and r.id = c.id when matched and c.score > 60 then update set name = c.name;
merge into rooms r using (select $1::uuid as t) s on true when matched then update set name = 'x';
merge into rooms r using (select * from bookings where tenant_id = $1) b on r.id = b.room_id when matched then delete;
merge into rooms r using bookings b on r.tenant_id = b.tenant_id and r.id = b.id and r.tenant_id = $1 when matched then do nothing when not matched then insert (tenant_id, id, name, capacity) values (b.tenant_id, b.id, 'x', 1);
merge into rooms r using (select $1::uuid as t) s on r.tenant_id = s.t and r.id = '00000000-0000-0000-0000-000000000004' when not matched then insert (tenant_id, id, name, capacity) values ('b0000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000009', 'x', 1);
merge into rooms r using (select $1::uuid as t) s on r.tenant_id = s.t and r.id = '00000000-0000-0000-0000-000000000003' when matched then update set tenant_id = 'b0000000-0000-0000-0000-000000000000';
merge into rooms r using (values ($1::uuid)) s (t) on r.tenant_id = s.t and r.id = '00000000-0000-0000-0000-000000000003' when matched then update set capacity = (select count(*) from bookings);
