select 'error', case when v.policies <> '' then format('%s on %s', v.policies, t.name) else t.name end, t.name,
  format('a policy on %s compares the tenant loosely (%s, as %s): %s', t.name,
    string_agg(distinct v.command, ', '), v.role_name, v.reason),
  format('alter policy %I on %s using (%I = (select …)): compare the column itself, by =, with a value of its own type', coalesce(nullif(split_part(v.policies, ', ', 1), ''), 'tenant_isolation'), t.name, t.col)
from tenant_table t join verdict v on v.relid = t.relid
where not t.directory and v.allowed and v.level = 'loose'
group by t.name, t.col, v.role_name, v.policies, v.reason
