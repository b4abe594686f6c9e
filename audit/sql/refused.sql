-- Attempts on each tenant that were refused since a moment.
select e.entity_id::uuid, count(*)
from watertight.audit_event e
where e.tenant_id = '00000000-0000-0000-0000-000000000000'
  and e.action = 'watertight.refused'
  and e.at >= $1
group by 1
order by 2 desc, 1
