select 'error', case when v.policies <> '' then format('%s on %s', v.policies, t.name) else t.name end, t.name,
  format('%s can %s rows of other tenants in %s: %s', v.role_name,
    string_agg(distinct case v.command when 'SELECT' then 'read' when 'INSERT' then 'insert' when 'UPDATE' then 'take over' when 'UPDATE CHECK' then 'give away to others' else 'delete' end, ', '),
    t.name, v.reason),
  case when v.policies <> '' then format('drop policy %I on %s; ', split_part(v.policies, ', ', 1), t.name) else '' end ||
    format('create policy tenant_isolation on %s using (%I = (select …)) with check (%2$I = (select …))', t.name, t.col)
from tenant_table t join verdict v on v.relid = t.relid
where not t.directory and v.allowed and v.level = 'open' and v.class not in ('owner', 'unset', 'fallback', 'bypass')
group by t.relid, t.name, t.col, v.role_name, v.policies, v.reason
