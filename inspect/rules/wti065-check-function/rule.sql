select distinct 'error', x.what || ' on ' || t.name, t.name,
  format('%s of %s calls %s, which reads %s as its owner (%s): whether a row is accepted tells of other tenants', x.what, t.name, r.name, r.tbl, r.power),
  format('alter function %s security invoker', r.name)
from tenant_table t
join lateral (
  select 'the check ' || pg_catalog.quote_ident(k.conname) as what, d.refobjid as fn from pg_catalog.pg_constraint k
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_constraint'::regclass and d.objid = k.oid and d.refclassid = 'pg_catalog.pg_proc'::regclass
    where k.conrelid = t.relid and k.contype = 'c'
  union all
  select 'the default of ' || pg_catalog.quote_ident(a.attname), d.refobjid from pg_catalog.pg_attrdef f
    join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid and d.refclassid = 'pg_catalog.pg_proc'::regclass
    where f.adrelid = t.relid
  union all
  select 'an index', d.refobjid from pg_catalog.pg_index i
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = i.indexrelid and d.refclassid = 'pg_catalog.pg_proc'::regclass
    where i.indrelid = t.relid) x on true
join routine r on r.oid = x.fn
where r.power <> '' and not r.scoped and exists (select from access a where a.relid = t.relid and (a.ins or a.upd))
