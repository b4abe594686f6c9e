select 'error', t.name, t.name,
  format('%s may TRUNCATE %s: that removes the rows of all tenants, and no policy holds for it', a.role_name, t.name),
  format('revoke truncate on %s from public, %I', t.name, a.role_name)
from tenant_table t cross join config c
join lateral (select * from access a where a.relid = t.relid and a.trunc order by a.role = c.app_oid desc limit 1) a on true
join pg_catalog.pg_class k on k.oid = t.relid
where not exists (select from identity i join pg_catalog.pg_roles r on r.oid = i.oid where i.oid = a.role and (r.rolsuper or pg_catalog.pg_has_role(i.oid, k.relowner, 'USAGE')))
union all
select 'error', k.oid::regclass::text, k.oid::regclass::text,
  format('%s may TRUNCATE %s, which all tenants share', a.role_name, k.oid::regclass), format('revoke truncate on %s from public, %I', k.oid::regclass, a.role_name)
from pg_catalog.pg_class k join access a on a.relid = k.oid and a.trunc join pg_catalog.pg_roles r on r.oid = a.role
where k.relkind in ('r', 'p') and not exists (select from tenant_table t where t.relid = k.oid) and not r.rolsuper and not pg_catalog.pg_has_role(a.role, k.relowner, 'USAGE')
  and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = k.oid and d.deptype = 'e')
