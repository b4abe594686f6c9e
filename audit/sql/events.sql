-- The events of one log in the order of its tree, after a position.
select tenant_id, epoch, xid, id, at, op, action, query, actor_kind, actor_id, actor_email, ip,
  app_version, request_id, grant_id, entity, entity_id, reason, diff, salt_actor, salt_diff, c_actor, c_diff
from watertight.audit_event
where tenant_id = $1
  and (epoch, xid, id) > ($2::smallint, $3::text::xid8, $4::bigint)
order by epoch, xid, id
