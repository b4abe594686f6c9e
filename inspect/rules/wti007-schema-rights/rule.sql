select 'error', s.name, '',
  format('%s %s the schema %s: SQL on its connection can plant functions, operators and tables that other tenants'' statements find', i.name,
    case when pg_catalog.pg_has_role(i.oid, s.owner, 'USAGE') then 'owns' else 'may CREATE in' end, s.name),
  case when pg_catalog.pg_has_role(i.oid, s.owner, 'USAGE') then format('alter schema %I owner to %s', s.name, 'a_role_that_nobody_connects_as')
    else format('revoke create on schema %I from public, %I', s.name, i.name) end
from user_schema s
join lateral (
  select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where not r.rolsuper and pg_catalog.has_schema_privilege(i.oid, s.oid, 'CREATE') order by i.self desc limit 1) i on true
