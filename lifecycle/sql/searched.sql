-- What may hold rows, in every schema. Partitions are searched one by one.
select n.nspname::text, c.relname::text, c.relkind::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'f')
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
order by n.nspname, c.relname
