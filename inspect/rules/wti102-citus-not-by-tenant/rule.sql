select 'warning', t.name, t.name,
  case when d.relid is null then format('%s is on the coordinator only', t.name)
    when d.kind = 'reference' then format('each node has a copy of %s, with the rows of all tenants', t.name)
    else format('%s is spread by %I, not by its tenant: each statement goes to every shard', t.name, a.attname) end,
  case when d.relid is null then format('select create_distributed_table(%L, %L)', t.name, t.col)
    when d.kind = 'reference' then format('select undistribute_table(%L); select create_distributed_table(%L, %L)', t.name, t.name, t.col)
    else format('select alter_distributed_table(%L, distribution_column => %L)', t.name, t.col) end
from tenant_table t cross join config c left join distributed d on d.relid = t.relid
left join pg_catalog.pg_attribute a on a.attrelid = d.relid and a.attnum = d.attnum
where c.cluster and t.reached and not t.directory and t.name !~ '^watertight\.'
  and (d.relid is null or d.kind = 'reference' or d.kind = 'spread' and d.attnum <> t.attnum)
