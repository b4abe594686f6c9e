select 'error', pg_catalog.current_database()::text, '',
  format('%s %s: it can set defaults for every session, make schemas, and plant functions that others call', i.name,
    case when pg_catalog.pg_has_role(i.oid, d.datdba, 'USAGE') then 'owns the database' else 'may CREATE in the database' end),
  case when pg_catalog.pg_has_role(i.oid, d.datdba, 'USAGE') then format('alter database %I owner to %s', d.datname, 'a_role_that_nobody_connects_as')
    else format('revoke create on database %I from public, %I', d.datname, i.name) end
from pg_catalog.pg_database d
join lateral (
  select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where not r.rolsuper and pg_catalog.has_database_privilege(i.oid, d.oid, 'CREATE') order by i.self desc limit 1) i on true
where d.datname = pg_catalog.current_database()
