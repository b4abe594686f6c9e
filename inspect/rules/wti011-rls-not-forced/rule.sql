select 'warning', t.name, t.name,
  format('row-level security is not forced on %s: views, functions and sessions of its owner %s read all tenants', t.name, o.rolname),
  format('alter table %s force row level security', t.name)
from tenant_table t join pg_catalog.pg_class k on k.oid = t.relid join pg_catalog.pg_roles o on o.oid = k.relowner
where k.relrowsecurity and not k.relforcerowsecurity and t.reached
