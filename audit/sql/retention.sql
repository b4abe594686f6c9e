-- How long each log with a tree is kept, and how much of it is gone already.
select t.tenant_id, coalesce(r.days, 180)::int
from watertight.audit_tree t
left join watertight.audit_retention r on r.tenant_id = t.tenant_id
where $1::uuid is null or t.tenant_id = $1::uuid
order by t.tenant_id
