select 'error', t.name, t.name,
  format('%s can use %s directly, where the policies of %s do not hold: %s', a.role_name, t.name, h.inhparent::regclass,
    case when not k.relrowsecurity then 'row-level security is off' else coalesce((
      select string_agg(distinct v.reason, '; ') from verdict v where v.relid = t.relid and v.role = a.role and v.allowed and v.level in ('open', 'loose')), 'its own policies are wider') end),
  format('revoke all on %s from public, %I; alter table %1$s enable row level security, force row level security', t.name, a.role_name)
from tenant_table t
join pg_catalog.pg_class k on k.oid = t.relid
join pg_catalog.pg_inherits h on h.inhrelid = t.relid
join tenant_table p on p.relid = h.inhparent
join pg_catalog.pg_class pk on pk.oid = p.relid
cross join config c
join lateral (select * from access a where a.relid = t.relid and (a.sel or a.ins or a.upd or a.del or a.trunc) order by a.role = c.app_oid desc limit 1) a on true
where pk.relrowsecurity and not k.relrowsecurity
union all
-- The other way round: a parent without policies shows its children's rows.
select 'error', h.inhparent::regclass::text, t.name,
  format('%s can read %s through %s, which has no policies: those of a child do not hold there', a.role_name, t.name, h.inhparent::regclass),
  format('revoke all on %s from public, %I', h.inhparent::regclass, a.role_name)
from tenant_table t
join pg_catalog.pg_class k on k.oid = t.relid
join pg_catalog.pg_inherits h on h.inhrelid = t.relid
join pg_catalog.pg_class pk on pk.oid = h.inhparent
cross join config c
join lateral (select * from access a where a.relid = h.inhparent and (a.sel or a.upd or a.del) order by a.role = c.app_oid desc limit 1) a on true
where not pk.relrowsecurity and not exists (select from tenant_table p where p.relid = h.inhparent)
