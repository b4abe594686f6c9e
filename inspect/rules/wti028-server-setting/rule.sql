select 'error', format('%s on %s', x.policy, t.name), t.name,
  format('the policy %I on %s takes the tenant from %s, which every client and connection string sets for other reasons', x.policy, t.name, x.setting),
  format('alter policy %I on %s using (%I = nullif(current_setting(''app.tenant_id'', true), '''')::%s)', x.policy, t.name, t.col,
    (select pg_catalog.format_type(a.atttypid, null) from pg_catalog.pg_attribute a where a.attrelid = t.relid and a.attnum = t.attnum))
from context x join tenant_table t on t.relid = x.relid
where x.setting <> '' and strpos(x.setting, '.') = 0
