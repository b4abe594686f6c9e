select 'error', k.oid::regclass::text, min(c.of::regclass::text),
  format('%s may read the materialized view %s, which holds rows of %s of all tenants and cannot have policies', a.role_name, k.oid::regclass, string_agg(distinct c.of::regclass::text, ', ')),
  format('revoke all on %s from public, %I; create view … with (security_barrier = true) as select * from %1$s where %3$I = …', k.oid::regclass, a.role_name, min(g.names[1]))
from pg_catalog.pg_class k join copied c on c.relid = k.oid cross join config g
join lateral (select * from access a where a.relid = k.oid and a.sel order by a.role = g.app_oid desc limit 1) a on true
where k.relkind = 'm'
group by k.oid, a.role_name
union all
select case when exists (select from pg_catalog.pg_attribute x cross join config g where x.attrelid = k.oid and x.attname = any (g.names)) or a.ins or a.upd or a.del then 'error' else 'warning' end, k.oid::regclass::text, k.oid::regclass::text,
  format('%s may use the foreign table %s, which cannot have policies: the other server decides, as the user of the mapping', a.role_name, k.oid::regclass),
  format('revoke all on %s from public, %I', k.oid::regclass, a.role_name)
from pg_catalog.pg_class k join user_schema n on n.oid = k.relnamespace cross join config g
join lateral (select * from access a where a.relid = k.oid and (a.sel or a.ins or a.upd or a.del) order by a.role = g.app_oid desc limit 1) a on true
where k.relkind = 'f'
