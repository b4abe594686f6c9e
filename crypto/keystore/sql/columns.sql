-- The register of sealed columns, for who holds no handle, each with the other
-- columns of its table that may be empty.
select n.nspname::text, c.relname::text, s.column_name::text, s.tenant_column::text, s.row_column::text,
  s.row_type = 'uuid'::regtype, s.table_label, s.column_label,
  array(
    select a.attname::text from pg_catalog.pg_attribute a
    where a.attrelid = s.relid and a.attnum > 0 and not a.attisdropped and not a.attnotnull
      and a.attgenerated = '' and a.attname <> s.column_name)
from watertight.sealed_columns s
join pg_catalog.pg_class c on c.oid = s.relid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
order by 1, 2, 3
