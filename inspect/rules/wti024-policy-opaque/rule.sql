select 'warning', case when v.policies <> '' then format('%s on %s', v.policies, t.name) else t.name end, t.name,
  format('whether %s reaches other tenants in %s cannot be told from its policies (%s): %s', v.role_name, t.name, string_agg(distinct v.command, ', '), v.reason),
  'compare the tenant column with the context in the policy itself, and let watertight attack try this table'
from tenant_table t join verdict v on v.relid = t.relid
where v.allowed and v.level = 'opaque'
group by t.name, v.role_name, v.policies, v.reason
