with recursive child as (
  select k.conrelid as relid, k.confrelid as parent, k.oid as con, k.conname, 1 as depth
  from pg_catalog.pg_constraint k join tenant_table p on p.relid = k.confrelid
  where k.contype = 'f' and not p.directory and not exists (select from tenant_table t where t.relid = k.conrelid)
  union
  select k.conrelid, k.confrelid, k.oid, k.conname, c.depth + 1
  from child c join pg_catalog.pg_constraint k on k.contype = 'f' and k.confrelid = c.relid and k.conrelid <> c.relid
  where c.depth < 8 and not exists (select from tenant_table t where t.relid = k.conrelid)),
reached as (
  select distinct on (c.relid) c.relid, c.parent, a.role, a.role_name from child c cross join config g
  join lateral (select * from access a where a.relid = c.relid and (a.sel or a.ins or a.upd or a.del) order by a.role = g.app_oid desc limit 1) a on true
  order by c.relid, c.depth),
wide as (
  select r.relid, string_agg(distinct v.reason, '; ') as reason from reached r join verdict v on v.relid = r.relid and v.role = r.role and v.allowed
  where v.level in ('open', 'loose') group by r.relid)
select 'error', w.relid::regclass::text, w.relid::regclass::text,
  format('%s refers to rows of %s but has no tenant column, and %s can use all its rows: %s', w.relid::regclass, r.parent::regclass, r.role_name, w.reason),
  format('alter table %s add column %I %s not null; alter table %1$s enable row level security, force row level security; create policy tenant_isolation on %1$s using (…)', w.relid::regclass, c.names[1],
    (select pg_catalog.format_type(a.atttypid, a.atttypmod) from tenant_table t join pg_catalog.pg_attribute a on a.attrelid = t.relid and a.attnum = t.attnum where not t.directory limit 1))
from wide w join reached r on r.relid = w.relid cross join config c
union all
select 'warning', r.relid::regclass::text, r.relid::regclass::text,
  format('%s refers to rows of %s but has no tenant column: its policies look the tenant up elsewhere', r.relid::regclass, r.parent::regclass),
  format('alter table %s add column %I …, and make its foreign keys composite', r.relid::regclass, c.names[1])
from reached r cross join config c where not exists (select from wide w where w.relid = r.relid)
