select 'error', p.oid::regprocedure::text, '',
  format('%s may call %s: it runs any SQL that stands in a string, in transactions of its own, with a tenant of its choice', i.name, p.oid::regprocedure),
  format('on every node: revoke execute on function %s from public, %I', p.oid::regprocedure, i.name)
from pg_catalog.pg_proc p
join lateral (select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where not r.rolsuper and pg_catalog.has_function_privilege(i.oid, p.oid, 'EXECUTE') order by i.self desc limit 1) i on true
where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^run_command_on_'
