select case when g.disabled or null_trap then 'error' else 'warning' end, k.conname::text || ' on ' || c.name, c.name,
  case when g.disabled then format('the triggers that enforce the foreign key %I of %s are disabled: rows can refer to other tenants'' or to nothing', k.conname, c.name)
    when null_trap then format('the foreign key %I of %s is not checked for rows whose %I is NULL, and such rows can be written', k.conname, c.name, c.col)
    else format('the foreign key %I of %s was never validated: older rows may refer to other tenants'' rows', k.conname, c.name) end,
  case when g.disabled then format('alter table %s enable trigger all', c.name)
    when null_trap then format('alter table %s alter column %I set not null', c.name, c.col)
    else format('alter table %s validate constraint %I -- with a role that has BYPASSRLS', c.name, k.conname) end
from pg_catalog.pg_constraint k join tenant_table c on c.relid = k.conrelid join pg_catalog.pg_attribute a on a.attrelid = c.relid and a.attnum = c.attnum
cross join lateral (select exists (select from pg_catalog.pg_trigger g where g.tgconstraint = k.oid and g.tgisinternal and g.tgenabled = 'D') as disabled) g
cross join lateral (select not a.attnotnull and k.confmatchtype = 's' and c.attnum = any (k.conkey) and cardinality(k.conkey) > 1 and exists (
  select from verdict v where v.relid = c.relid and v.allowed and v.command in ('INSERT', 'UPDATE CHECK') and v.level in ('null', 'open', 'loose')) as null_trap) n
where k.contype = 'f' and not c.directory and k.conparentid = 0 and (g.disabled or null_trap or not k.convalidated)
