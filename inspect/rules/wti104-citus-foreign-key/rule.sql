select 'warning', k.conname::text, t.name,
  format('the foreign key %I of %s sets columns when its parent %s, which Citus refuses in a key that has the tenant in it', k.conname, t.name,
    case when k.confdeltype in ('n', 'd') then 'is deleted' else 'changes its key' end),
  format('alter table %s drop constraint %I; and add it again with on delete cascade or no action', t.name, k.conname)
from tenant_table t join pg_catalog.pg_constraint k on k.conrelid = t.relid and k.contype = 'f' and t.attnum = any (k.conkey) cross join config c
where c.citus and t.name !~ '^watertight\.' and (k.confdeltype in ('n', 'd') or k.confupdtype in ('c', 'n', 'd'))
