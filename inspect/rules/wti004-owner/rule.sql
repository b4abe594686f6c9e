select 'error', o.rolname::text, t.name,
  format('%s %s%s: SQL on its connection can switch row-level security off, drop a policy or drop the table', i.name,
    case when i.oid = k.relowner then 'owns ' || t.name else format('has the rights of %s, which owns %s', o.rolname, t.name) end,
    case when not k.relforcerowsecurity and k.relrowsecurity then ', and its policies do not hold for the owner' else '' end),
  case when i.oid = k.relowner
    then format('alter table %s owner to %s', t.name, 'a_role_that_nobody_connects_as')
    else format('revoke %I from %I', o.rolname, i.name) end
from tenant_table t
join pg_catalog.pg_class k on k.oid = t.relid
join pg_catalog.pg_roles o on o.oid = k.relowner
join lateral (
  select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where not r.rolsuper and pg_catalog.pg_has_role(i.oid, k.relowner, 'USAGE')
  order by i.self desc, i.oid = k.relowner desc limit 1) i on true
