select distinct 'error', format('%s on %s', x.policy, t.name), t.name,
  format('the policy %I on %s takes the tenant from %L, but the tenant is entered by %s: one can change while the other stays', x.policy, t.name, x.setting,
    (select string_agg(quote_literal(s), ', ') from unnest(c.canon) s)),
  format('alter policy %I on %s using (%I = nullif(current_setting(%L, true), '''')::%s)', x.policy, t.name, t.col, c.canon[1],
    (select pg_catalog.format_type(a.atttypid, null) from pg_catalog.pg_attribute a where a.attrelid = t.relid and a.attnum = t.attnum))
from context x join tenant_table t on t.relid = x.relid cross join config c
where not x.canon and not t.directory
  and not exists (select from context o where o.relid = x.relid and o.policy = x.policy and o.clause = x.clause and o.canon)
