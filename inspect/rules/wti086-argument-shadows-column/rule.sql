select case when r.power <> '' or exists (select from tenant_table t join pg_catalog.pg_class k on k.oid = t.relid where t.name = r.reads and not k.relrowsecurity) then 'error' else 'warning' end,
  r.name, r.reads,
  format('in %s the column wins over the argument of the same name: its condition compares the column with itself and is always true', r.name),
  format('rename the argument of %s', r.name)
from routine r where r.shadow and r.caller is not null
