select distinct 'error', r.name, '',
  format('%s can replace %s, which %s', i.name, r.name, u.used),
  format('alter function %s owner to %s', r.name, 'a_role_that_nobody_connects_as')
from routine r join pg_catalog.pg_proc p on p.oid = r.oid
join lateral (select i.* from identity i join pg_catalog.pg_roles o on o.oid = i.oid where not o.rolsuper and pg_catalog.pg_has_role(i.oid, p.proowner, 'USAGE') order by i.self desc limit 1) i on true
join lateral (
  select 'policies call' as used where r.policy
  union all select 'is a trigger''s function, and runs in other tenants'' sessions' where exists (select from pg_catalog.pg_trigger g where g.tgfoid = p.oid and not g.tgisinternal)
  union all select 'is an event trigger''s function' where exists (select from pg_catalog.pg_event_trigger e where e.evtfoid = p.oid)
  union all select 'runs with its owner''s rights' where p.prosecdef) u on true
