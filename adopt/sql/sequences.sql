-- Sequences that defaults of a table draw from and that the table does not own.
select d.adrelid, s.oid::regclass::text
from pg_catalog.pg_attrdef d
join pg_catalog.pg_depend p on p.classid = 'pg_catalog.pg_attrdef'::regclass and p.objid = d.oid and p.refclassid = 'pg_catalog.pg_class'::regclass
join pg_catalog.pg_class s on s.oid = p.refobjid and s.relkind = 'S'
where not exists (
  select from pg_catalog.pg_depend o where o.classid = 'pg_catalog.pg_class'::regclass and o.objid = s.oid
    and o.refobjid = d.adrelid and o.deptype in ('a', 'i'))
order by 1, 2
