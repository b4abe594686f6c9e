select case when exists (select from access a where a.relid = t.relid and (a.ins or a.upd_cols && k.conkey)) then 'error' else 'warning' end,
  k.conname::text || ' on ' || t.name, t.name,
  format('the exclusion constraint %I of %s does not contain %I with =: a conflict tells of another tenant''s row, and keeps this one from being written', k.conname, t.name, t.col),
  format('alter table %s drop constraint %I, add exclude using gist (%I with =, …) -- with the extension btree_gist', t.name, k.conname, t.col)
from tenant_table t join pg_catalog.pg_constraint k on k.conrelid = t.relid
where k.contype = 'x' and k.conparentid = 0 and not t.directory and not exists (
  select from unnest(k.conkey, k.conexclop) as e(att, op) join pg_catalog.pg_operator o on o.oid = e.op where e.att = t.attnum and o.oprname = '=')
