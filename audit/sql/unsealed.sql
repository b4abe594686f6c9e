-- What the sealer may seal now, tenant by tenant in the order of the trees.
select tenant_id, epoch, xid, id, at, op, action, query, actor_kind, actor_id, actor_email, ip,
  app_version, request_id, grant_id, entity, entity_id, reason, diff, salt_actor, salt_diff, c_actor, c_diff
from watertight.audit_event
where epoch = $1
  and xid >= $2::text::xid8
  and xid < $3::text::xid8
order by tenant_id, xid, id
