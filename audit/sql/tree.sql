-- The tree of one log and how much of it retention removed.
select size, range, pruned, pruned_range
from watertight.audit_tree
where tenant_id = $1
