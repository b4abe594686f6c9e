select case when v.severity = 'error' and u.caller is null and v.name <> 'tcn' then 'warning' else v.severity end, e.extname::text, '',
  format('the extension %s %s%s', e.extname, v.what, case when u.caller is not null then format(', and %s may use it', u.caller) else '' end),
  case when u.caller is not null then format('drop extension %I; or revoke execute on its functions from public', e.extname) else format('drop extension %I', e.extname) end
from pg_catalog.pg_extension e join (values
  ('dblink', 'opens sessions of its own, which have no tenant, from inside SQL', 'error'),
  ('postgres_fdw', 'reads tables through other sessions, where other policies hold', 'warning'),
  ('file_fdw', 'reads files of the server', 'warning'),
  ('pgrowlocks', 'shows which rows of all tenants are locked, and by whom', 'error'),
  ('pageinspect', 'reads raw pages', 'error'), ('pg_walinspect', 'reads the log', 'error'), ('pg_surgery', 'changes raw rows', 'error'),
  ('pgstattuple', 'counts rows of all tenants', 'warning'), ('pg_freespacemap', 'shows volumes of all tenants', 'warning'),
  ('pg_visibility', 'shows pages of all tenants', 'warning'), ('pg_buffercache', 'shows activity of all tenants', 'warning'),
  ('pg_stat_statements', 'shows statements of the application''s role, which all tenants share', 'warning'),
  ('tcn', 'announces the keys of changed rows to every session', 'error'), ('adminpack', 'writes files of the server', 'warning'),
  ('tablefunc', 'runs SQL that stands in strings', 'warning'), ('xml2', 'runs SQL that stands in strings', 'warning'),
  ('lo', 'manages large objects, which have no tenant', 'warning'), ('pg_cron', 'runs SQL without a tenant, as the role that asked', 'warning'),
  ('plpython3u', 'runs code of the server''s user', 'error'), ('plperlu', 'runs code of the server''s user', 'error'), ('pltclu', 'runs code of the server''s user', 'error')
) as v(name, what, severity) on v.name = e.extname
left join lateral (
  select i.name as caller from pg_catalog.pg_depend d join pg_catalog.pg_proc p on p.oid = d.objid and d.classid = 'pg_catalog.pg_proc'::regclass
  cross join identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e' and not r.rolsuper
    and pg_catalog.has_function_privilege(i.oid, p.oid, 'EXECUTE') and pg_catalog.has_schema_privilege(i.oid, p.pronamespace, 'USAGE')
    -- these refuse everyone but superusers by themselves
    and v.name not in ('pageinspect', 'pg_walinspect', 'pg_surgery', 'plpython3u', 'plperlu', 'pltclu')
  limit 1) u on true
union all
select 'error', r.name, '', format('%s is written in %s, an untrusted language: it runs as the server''s user, and %s may call it', r.name, l.lanname, r.caller), format('revoke execute on function %s from public', r.name)
from routine r join pg_catalog.pg_proc p on p.oid = r.oid join pg_catalog.pg_language l on l.oid = p.prolang
where not l.lanpltrusted and l.lanname not in ('internal', 'c', 'sql') and r.caller is not null
