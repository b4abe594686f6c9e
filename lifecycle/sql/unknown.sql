-- Tables that hold rows of tenants, by their columns or by a foreign key, and
-- that watertight.protect does not know: an export would forget them.
select distinct c.oid::regclass::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f') and not c.relispartition and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
  and not exists (select from watertight.protected_table p where p.relid = c.oid)
  and (exists (
      select from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and (a.attname = 'tenant_id' or a.attname in (
          select p.tenant_column from watertight.protected_table p
          where p.kind = 'tenant' and p.relid <> pg_catalog.to_regclass('watertight.tenants'))))
    or exists (
      select from pg_catalog.pg_constraint k
      join watertight.protected_table p on p.relid = k.confrelid and p.kind = 'tenant'
      where k.conrelid = c.oid and k.contype = 'f'))
order by 1
