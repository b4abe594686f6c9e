-- Views, and the relations that each reads itself.
select v.oid, array_agg(distinct d.refobjid) as reads
from pg_catalog.pg_class v
join pg_catalog.pg_rewrite w on w.ev_class = v.oid
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
  and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> v.oid
where v.relkind in ('v', 'm')
group by v.oid
