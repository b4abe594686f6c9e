select 'warning', r.rolname::text, '',
  format('%s can log in and %s: whoever has its password has all tenants', r.rolname, case when r.rolbypassrls then 'has BYPASSRLS' else 'is let through by policies of its own' end),
  format('alter role %I nobypassrls; or keep it for one job, with its own password and grants', r.rolname)
from pg_catalog.pg_roles r
where r.rolcanlogin and not r.rolsuper and not exists (select from identity i where i.oid = r.oid) and r.rolbypassrls
  and exists (select from tenant_table t where pg_catalog.has_any_column_privilege(r.oid, t.relid, 'SELECT'))
