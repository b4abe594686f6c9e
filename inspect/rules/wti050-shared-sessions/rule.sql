select 'warning', pg_catalog.current_database()::text, '',
  format('%s may use %s: all tenants share its role, so each sees the others'' statements, locks or statistics, or can end their sessions', c.app, string_agg(f.what, ', ' order by f.what)),
  'revoke execute on function … from public; watertight.secure_database() does it for all of them'
from config c join pg_catalog.pg_roles r on r.oid = c.app_oid cross join lateral (
  select distinct p.proname || '()' as what from pg_catalog.pg_proc p
  where p.pronamespace = 'pg_catalog'::regnamespace and p.proname in ('pg_stat_get_activity', 'pg_terminate_backend', 'pg_cancel_backend', 'pg_lock_status', 'currtid2', 'pg_advisory_lock', 'pg_notify', 'setseed')
    and pg_catalog.has_function_privilege(c.app_oid, p.oid, 'EXECUTE')) f
where not r.rolsuper
group by c.app
