select case when p.prosecdef and (r.caller is not null or exists (select from pg_catalog.pg_trigger g where g.tgfoid = p.oid))
      and (can.schema is not null or can.temp and r.bare) or r.policy and can.schema is not null then 'error' else 'warning' end,
  r.name, '',
  format('%s %s and has no search_path of its own: %s', r.name,
    case when p.prosecdef then format('runs with the rights of %s', o.rolname) else 'is called by policies' end,
    case when can.schema is not null then format('%s can create in the schema %s and make names in it mean something else', c.app, can.schema)
      when p.prosecdef and can.temp and r.bare then format('%s can make temporary tables and types, which come first', c.app)
      else 'whoever can create objects somewhere decides what its names mean' end),
  format('alter function %s set search_path = pg_catalog, pg_temp', r.name)
from routine r join pg_catalog.pg_proc p on p.oid = r.oid join pg_catalog.pg_roles o on o.oid = p.proowner cross join config c
cross join lateral (
  select (select s.name from user_schema s join access_schema a on a.oid = s.oid limit 1) as schema,
    exists (select from identity i where pg_catalog.has_database_privilege(i.oid, pg_catalog.current_database(), 'TEMP')) as temp) can
where not r.path and ((p.prosecdef or r.policy) and r.caller is not null or p.prosecdef and exists (select from pg_catalog.pg_trigger g where g.tgfoid = p.oid))
union all
select 'error', r.name, '',
  format('%s runs with the rights of %s and looks names up in %s, where %s can create objects', r.name, o.rolname, s.name, c.app),
  format('alter function %s set search_path = pg_catalog, pg_temp', r.name)
from routine r join pg_catalog.pg_proc p on p.oid = r.oid join pg_catalog.pg_roles o on o.oid = p.proowner cross join config c
cross join lateral unnest(p.proconfig) g(setting)
join user_schema s on s.name = any (regexp_split_to_array(replace(substr(g.setting, 13), '"', ''), '\s*,\s*')) join access_schema a on a.oid = s.oid
where g.setting like 'search\_path=%' and (p.prosecdef or r.policy)
