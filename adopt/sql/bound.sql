-- Views that depend on a key of a table, by GROUP BY of that key alone.
select distinct v.oid, d.refobjid
from pg_catalog.pg_depend d
join pg_catalog.pg_rewrite w on w.oid = d.objid
join pg_catalog.pg_class v on v.oid = w.ev_class
where d.classid = 'pg_catalog.pg_rewrite'::regclass and d.refclassid = 'pg_catalog.pg_constraint'::regclass
order by 1, 2
