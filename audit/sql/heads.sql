-- The newest checkpoint of each log.
select distinct on (tenant_id) tenant_id, size, note
from watertight.audit_checkpoint
order by tenant_id, size desc
