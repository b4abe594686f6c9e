select 'warning', s.oid::regclass::text, coalesce(t.name, ''),
  format('%s may %s %s: its position tells how much all tenants write%s', i.name,
    case when u.upd then 'reset' else 'read' end, s.oid::regclass, case when u.upd then ', and setting it back stops their inserts' else '' end),
  format('revoke all on sequence %s from public, %I; grant usage on sequence %1$s to %2$I', s.oid::regclass, i.name)
from pg_catalog.pg_class s join user_schema n on n.oid = s.relnamespace
cross join lateral (select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where not r.rolsuper and pg_catalog.has_schema_privilege(i.oid, s.relnamespace, 'USAGE') and pg_catalog.has_sequence_privilege(i.oid, s.oid, 'SELECT, UPDATE') and not pg_catalog.pg_has_role(i.oid, s.relowner, 'USAGE')
  order by i.self desc limit 1) i
cross join lateral (select pg_catalog.has_sequence_privilege(i.oid, s.oid, 'UPDATE') as upd) u
left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = s.oid and d.deptype in ('a', 'i') and d.refclassid = 'pg_catalog.pg_class'::regclass
left join tenant_table t on t.relid = d.refobjid
where s.relkind = 'S'
