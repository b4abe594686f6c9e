select 'warning', t.name, t.name,
  format('%s has no index that begins with %I: statements of one tenant read the rows of all, and their time and EXPLAIN tell how many there are', t.name, t.col),
  format('create index concurrently on %s (%I)', t.name, t.col)
from tenant_table t join pg_catalog.pg_class k on k.oid = t.relid
where not t.directory and t.reached and k.relkind in ('r', 'p') and not k.relispartition and not exists (
  select from pg_catalog.pg_index i where i.indrelid = t.relid and i.indisvalid and i.indkey[0] = t.attnum and i.indpred is null)
