-- A tenant's own audit log: what it may read, and what the application adds.
-- watertight:default-roles any

-- name: AuditEvents :many
-- Newest first, a page at a time: the cursor is the last event of the page before.
-- watertight:roles owner admin job
select e.tenant_id, e.epoch, e.xid::text as xid, e.id, e.at, e.op, e.action, e.query, e.actor_kind, e.actor_id, e.actor_email,
  e.ip, e.app_version, e.request_id, e.grant_id, e.entity, e.entity_id, e.reason, e.diff
from watertight.audit_event e
where e.tenant_id = @tenant_id
  and (e.epoch, e.xid, e.id) < (@before_epoch::smallint, sqlc.arg('before_xid')::text::xid8, @before_id::bigint)
  and (sqlc.narg('actor')::text is null or e.actor_id = sqlc.narg('actor')::text or e.actor_email = sqlc.narg('actor')::text)
  and (sqlc.narg('action')::text is null or e.action = sqlc.narg('action')::text)
  and (sqlc.narg('entity')::text is null or e.entity = sqlc.narg('entity')::text)
  and (sqlc.narg('since')::timestamptz is null or e.at >= sqlc.narg('since')::timestamptz)
  and (sqlc.narg('until')::timestamptz is null or e.at < sqlc.narg('until')::timestamptz)
order by e.epoch desc, e.xid desc, e.id desc
limit @page_size;

-- name: AuditHistory :many
-- All that happened to one row, newest first, by an index of its own.
-- watertight:roles owner admin job
select e.tenant_id, e.epoch, e.xid::text as xid, e.id, e.at, e.op, e.action, e.query, e.actor_kind, e.actor_id, e.actor_email,
  e.ip, e.app_version, e.request_id, e.grant_id, e.entity, e.entity_id, e.reason, e.diff
from watertight.audit_event e
where e.tenant_id = @tenant_id
  and e.entity_key = watertight.audit_key(@tenant_id, @entity::text, @entity_id::text)
  and e.entity = @entity::text
  and e.entity_id = @entity_id::text
  and (e.epoch, e.xid, e.id) < (@before_epoch::smallint, sqlc.arg('before_xid')::text::xid8, @before_id::bigint)
order by e.epoch desc, e.xid desc, e.id desc
limit @page_size;

-- name: AuditLog :exec
-- In the log of the handle's tenant, whatever the arguments are.
select watertight.audit_log(@action::text, sqlc.narg('entity')::text, sqlc.narg('entity_id')::text, sqlc.narg('details')::json);

-- name: AuditRefused :exec
-- watertight:roles refused
-- The address stands in the tenant's log only if the tenant knows the account.
select watertight.tenant_refused(exists (
  select from watertight.users u where u.tenant_id = $1 and u.id = $2));

-- name: AuditRetentionDays :one
select coalesce((select r.days from watertight.audit_retention r where r.tenant_id = $1), 180)::int as days;
