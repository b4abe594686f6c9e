select 'warning', t.name, t.name,
  format('%s does not stand together with %s, whose tenants may be on other nodes: joins and foreign keys between them do not work', t.name, most.name),
  format('select alter_distributed_table(%L, colocate_with => %L)', t.name, most.name)
from tenant_table t join distributed d on d.relid = t.relid and d.kind = 'spread' and d.attnum = t.attnum
join lateral (
  select x.colocation, min(y.name) as name from distributed x join tenant_table y on y.relid = x.relid and x.kind = 'spread' and x.attnum = y.attnum
  group by x.colocation order by count(*) desc, x.colocation limit 1) most on most.colocation <> d.colocation
where t.reached
