-- The foreign keys between tenant tables.
select k.conrelid, k.confrelid, k.conname::text, k.condeferrable, k.confdeltype::text,
  array(select a.attname::text from unnest(k.conkey) with ordinality as c(att, ord)
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.att order by c.ord) as columns,
  array(select a.attname::text from unnest(k.confkey) with ordinality as c(att, ord)
    join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = c.att order by c.ord) as refers
from pg_catalog.pg_constraint k
join watertight.protected_table a on a.relid = k.conrelid and a.kind = 'tenant'
join watertight.protected_table b on b.relid = k.confrelid and b.kind = 'tenant'
where k.contype = 'f' and k.conparentid = 0
order by k.conrelid::regclass::text collate "C", k.conname collate "C"
