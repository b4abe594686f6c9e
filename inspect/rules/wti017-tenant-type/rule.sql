with col as (
  select t.*, a.atttypid, coalesce(nullif(y.typbasetype, 0), y.oid) as base, a.attcollation,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type
  from tenant_table t join pg_catalog.pg_attribute a on a.attrelid = t.relid and a.attnum = t.attnum join pg_catalog.pg_type y on y.oid = a.atttypid
  where not t.directory),
bad as (
  select c.*, case
      when pg_catalog.format_type(base, null) ~ 'citext$' then 'upper and lower case are the same'
      when exists (select from pg_catalog.pg_collation l where l.oid = c.attcollation and not l.collisdeterministic) then 'its collation takes different texts for the same'
      when base = 'bpchar'::regtype then 'trailing spaces do not count'
      when base in ('float4'::regtype, 'float8'::regtype) then 'large numbers are rounded'
      when base = 'name'::regtype then 'it is cut off after 63 bytes' end as why
  from col c)
select case when why like 'trailing%' or why like 'it is cut%' then 'warning' else 'error' end, name || '.' || pg_catalog.quote_ident(col), name,
  format('%s.%I is of type %s, where %s: two tenants can be one', name, col, type, why),
  format('alter table %s alter column %I type uuid using …', name, col)
from bad where why is not null
union all
select 'warning', c.name || '.' || pg_catalog.quote_ident(c.col), c.name,
  format('%s.%I is %s, but most tenant columns are %s: comparing them needs a cast', c.name, c.col, c.type, m.type),
  format('alter table %s alter column %I type %s using …', c.name, c.col, m.type)
from col c cross join (select type, base from col group by 1, 2 order by count(*) desc, 1 limit 1) m
where c.base <> m.base
