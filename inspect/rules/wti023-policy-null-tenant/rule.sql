select case when bool_or(v.command <> 'SELECT' or v.class = 'distinct') then 'error' else 'warning' end,
  case when max(v.policies) <> '' then format('%s on %s', max(v.policies), t.name) else t.name end, t.name,
  format('in %s %s; %s can %s them%s', t.name, max(v.reason), v.role_name,
    string_agg(distinct case v.command when 'SELECT' then 'read' when 'INSERT' then 'make' when 'DELETE' then 'delete' else 'change' end, ', '),
    case when bool_or(v.class = 'distinct') then ', also without any context' when bool_or(v.command <> 'SELECT') then ', and every tenant reads what one wrote' else '' end),
  case when bool_or(v.class = 'shared') then format('keep shared rows in a table of their own, or let a policy FOR SELECT alone show them on %s', t.name)
    else format('alter table %s alter column %I set not null', t.name, t.col) end
from tenant_table t join verdict v on v.relid = t.relid
where v.allowed and v.level = 'null'
group by t.name, t.col, v.role_name
