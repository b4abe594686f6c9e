select 'warning', case when v.policies <> '' then format('%s on %s', v.policies, t.name) else t.name end, t.name,
  format('the policies on %s look the tenant up in another table: a row that is changed while a statement waits is judged by the old state', t.name),
  format('compare %I with the context, and look the tenant up once, when the context is made', t.col)
from tenant_table t join verdict v on v.relid = t.relid
where not t.directory and v.allowed and v.level = 'lookup'
group by t.name, t.col, v.policies
