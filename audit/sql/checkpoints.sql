-- The signed heads of one log, oldest first.
select note
from watertight.audit_checkpoint
where tenant_id = $1
order by size
