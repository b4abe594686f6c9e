select case when bool_or(v.command <> 'SELECT' or v.class = 'distinct') then 'error' else 'warning' end,
  case when max(v.policies) <> '' then format('%s on %s', max(v.policies), t.name) else t.name end, t.name,
  format('rows of %s whose tenant is NULL: %s can %s them%s', t.name, v.role_name,
    string_agg(distinct case v.command when 'SELECT' then 'read' when 'INSERT' then 'make' when 'DELETE' then 'delete' else 'change' end, ', '),
    case when bool_or(v.class = 'distinct') then ', also without any context' when bool_or(v.command <> 'SELECT') then ', and every tenant reads what one wrote' else '' end),
  format('alter table %s alter column %I set not null', t.name, t.col)
from tenant_table t join verdict v on v.relid = t.relid
where not t.directory and v.allowed and v.level = 'null'
group by t.name, t.col, v.role_name
