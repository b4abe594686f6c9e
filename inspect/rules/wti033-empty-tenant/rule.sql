select distinct 'warning', t.name || '.' || pg_catalog.quote_ident(t.col), t.name,
  format('%s.%I is a text that may be empty, and after a transaction on a pooled connection the unset setting is empty, too: rows of the tenant '''' are then visible', t.name, t.col),
  format('alter table %s add check (%I <> '''')', t.name, t.col)
from tenant_table t
join pg_catalog.pg_attribute a on a.attrelid = t.relid and a.attnum = t.attnum
join context x on x.relid = t.relid
where not t.directory and t.reached and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
  and exists (select from verdict v where v.relid = t.relid and v.level = 'pinned' and v.class = 'empty')
  and not exists (select from pg_catalog.pg_constraint k where k.conrelid = t.relid and k.contype = 'c' and t.attnum = any (k.conkey))
  and not exists (select from pg_catalog.pg_constraint k where k.conrelid = t.relid and k.contype = 'f' and t.attnum = any (k.conkey))
