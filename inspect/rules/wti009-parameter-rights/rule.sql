select 'error', p.name, '', format('%s may set %s, which %s', i.name, p.name, p.effect), format('revoke set on parameter %s from %I', p.name, i.name)
from (values
  ('session_replication_role', 'switches foreign keys and ordinary triggers off'),
  ('lo_compat_privileges', 'switches the privileges of large objects off')) as p(name, effect)
join lateral (
  select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where not r.rolsuper and pg_catalog.has_parameter_privilege(i.oid, p.name, 'SET') order by i.self desc limit 1) i on true
