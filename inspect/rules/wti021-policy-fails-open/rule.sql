select 'error', case when v.policies <> '' then format('%s on %s', v.policies, t.name) else t.name end, t.name,
  format('a policy on %s fails open for %s: %s', t.name, v.role_name, v.reason),
  format('alter policy %I on %s using (%I = nullif(current_setting(%L, true), '''')::%s)', coalesce(nullif(split_part(v.policies, ', ', 1), ''), 'tenant_isolation'), t.name, t.col, coalesce(c.canon[1], 'app.tenant_id'),
    (select pg_catalog.format_type(a.atttypid, null) from pg_catalog.pg_attribute a where a.attrelid = t.relid and a.attnum = t.attnum))
from tenant_table t join verdict v on v.relid = t.relid cross join config c
where v.allowed and v.level = 'open' and v.class in ('unset', 'fallback', 'bypass')
group by t.relid, t.attnum, t.name, t.col, v.role_name, v.policies, v.reason, c.canon
