select distinct case when can.make then 'error' else 'warning' end, v.view::regclass::text, t.name,
  format('the view %s is the only thing that limits %s to the tenant, and it is no security barrier: a function in the reader''s WHERE sees the rows of all tenants first', v.view::regclass, t.name),
  format('alter view %s set (security_barrier = true, security_invoker = true)', v.view::regclass)
from view_read v join tenant_table t on t.relid = v.relid
cross join lateral (select exists (select from access_schema) or exists (
  select from identity i where pg_catalog.has_database_privilege(i.oid, pg_catalog.current_database(), 'TEMP')) as make) can
where v.filter and not v.barrier and not t.directory
