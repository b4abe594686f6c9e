select case when (o.rolsuper or o.rolbypassrls or r.power <> '') then 'error' else 'warning' end, r.name, r.tbl,
  format('%s runs text as SQL with the rights of %s, and parts of it are not quoted: what is passed to it can be a statement', r.name, o.rolname),
  'use format() with %I and %L, or EXECUTE … USING'
from routine r join pg_catalog.pg_proc p on p.oid = r.oid join pg_catalog.pg_roles o on o.oid = p.proowner
where p.prosecdef and r.unsafe and r.caller is not null
