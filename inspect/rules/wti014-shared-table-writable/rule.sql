with shared as (
  select c.oid as relid, c.oid::regclass::text as name
  from pg_catalog.pg_class c join user_schema n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition
    and not exists (select from tenant_table t where t.relid = c.oid)
    and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    -- a table that refers to a tenant's is judged by the rule about those
    and not exists (select from pg_catalog.pg_constraint k join tenant_table p on p.relid = k.confrelid and not p.directory where k.contype = 'f' and k.conrelid = c.oid))
select case when a.sel and bool_or(v.level in ('open', 'loose')) then 'error' else 'warning' end, s.name, s.name,
  format('%s belongs to no tenant and %s can %s %s: what one tenant writes there, the others %s', s.name, a.role_name,
    string_agg(distinct case v.command when 'INSERT' then 'insert' when 'DELETE' then 'delete' else 'update' end, ', '),
    case when bool_or(v.level in ('open', 'loose')) then 'every row' else 'rows' end,
    case when a.sel then 'read' else 'may meet' end),
  format('revoke insert, update, delete on %s from public, %I', s.name, a.role_name)
from shared s join access a on a.relid = s.relid
join verdict v on v.relid = s.relid and v.role = a.role and v.allowed and v.command in ('INSERT', 'UPDATE', 'DELETE') and v.level in ('open', 'loose', 'opaque')
cross join config c
where a.role = c.app_oid or not exists (select from access o where o.relid = s.relid and o.role = c.app_oid and (o.ins or o.upd or o.del))
group by s.name, a.role_name, a.sel
having bool_or(v.level in ('open', 'loose'))
