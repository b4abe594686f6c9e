select 'error', t.name, t.name,
  format('%s has TRIGGER on %s: SQL on its connection can attach a trigger that copies out what other tenants write', a.role_name, t.name),
  format('revoke trigger on %s from public, %I', t.name, a.role_name)
from tenant_table t cross join config c
join lateral (select * from access a where a.relid = t.relid and a.trig order by a.role = c.app_oid desc limit 1) a on true
join pg_catalog.pg_class k on k.oid = t.relid
where not exists (select from identity i join pg_catalog.pg_roles r on r.oid = i.oid where i.oid = a.role and (r.rolsuper or pg_catalog.pg_has_role(i.oid, k.relowner, 'USAGE')))
