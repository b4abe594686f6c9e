select 'warning', t.name || '.' || pg_catalog.quote_ident(t.col), t.name,
  format('%s.%I may be NULL: such a row belongs to nobody, is not checked by composite foreign keys and escapes unique keys', t.name, t.col),
  format('alter table %s alter column %I set not null', t.name, t.col)
from tenant_table t join pg_catalog.pg_attribute a on a.attrelid = t.relid and a.attnum = t.attnum
where not t.directory and not a.attnotnull
  and not exists (select from pg_catalog.pg_type y where y.oid = a.atttypid and y.typnotnull)
  and not (select k.relispartition from pg_catalog.pg_class k where k.oid = t.relid)
