-- The tenant tables that watertight.protect knows, with what moving rows needs:
-- its name in the audit log, columns and how to write them as text, the primary
-- key, the sequences.
select c.oid, n.nspname::text, c.relname::text, n.oid::regnamespace::text || '.' || pg_catalog.quote_ident(c.relname) as entity,
  p.tenant_column::text, coalesce(x.reason, ''),
  coalesce((select array_agg(a.attname::text order by a.attnum) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '{}') as columns,
  coalesce((select array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) order by a.attnum) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '{}') as types,
  coalesce((select array_agg(a.attname::text order by a.attnum) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '{}') as fields,
  coalesce((select array_agg(a.attname::text order by a.attnum) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attnotnull), '{}') as required,
  coalesce((select array_agg(a.attname::text order by a.attnum) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attcollation <> 0), '{}') as collatable,
  coalesce((select array_agg(a.attname::text order by k.ord) from pg_catalog.pg_index i
    cross join lateral unnest(i.indkey) with ordinality as k(att, ord)
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.att
    where i.indrelid = c.oid and i.indisprimary), '{}') as key,
  coalesce((select array_agg(a.attname::text order by s.oid) from pg_catalog.pg_depend d
    join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
    join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where d.classid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid and d.deptype in ('a', 'i')), '{}') as counted,
  coalesce((select array_agg(s.oid::regclass::text order by s.oid) from pg_catalog.pg_depend d
    join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
    join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where d.classid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid and d.deptype in ('a', 'i')), '{}') as sequences,
  pg_catalog.has_table_privilege(c.oid, 'SELECT') and exists (
    select from pg_catalog.pg_policy o where o.polrelid = c.oid
      and 'watertight_lifecycle'::regrole = any (o.polroles)) as reachable
from watertight.protected_table p
join pg_catalog.pg_class c on c.oid = p.relid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join watertight.export_exclusion x on x.relid = c.oid
where p.kind = 'tenant'
order by n.nspname collate "C", c.relname collate "C"
