-- Support access: whom the tenant let in, and what they did.
-- watertight:default-roles owner admin

-- name: SupportStaff :many
-- Whom a tenant can let in: the platform's people, the same list for all.
select s.id, s.email, s.name
from watertight.support_staff s
where s.active
order by s.name, s.id;

-- name: GrantSupport :one
insert into watertight.support_grants (tenant_id, id, staff_id, mode, reason, granted_by, expires_at)
values ($1, $2, $3, $4, $5, $6, now() + $7::int * interval '1 second')
returning expires_at;

-- name: RevokeSupport :execrows
update watertight.support_grants
set revoked_at = now(), revoked_by = $3
where tenant_id = $1
  and id = $2
  and revoked_at is null;

-- name: SupportGrants :many
select g.id, g.staff_id, s.email, s.name, g.mode, g.reason, g.granted_by, g.created_at, g.expires_at, g.revoked_at, g.revoked_by
from watertight.support_grants g
join watertight.support_staff s on s.id = g.staff_id
where g.tenant_id = $1
order by g.created_at desc, g.id;

-- name: SupportActivity :many
-- Newest first, a page at a time: the cursor is the last event of the page before.
select e.id, e.at, e.op, e.action, e.query, e.actor_id, e.actor_email, e.ip, e.grant_id, e.entity, e.entity_id, e.diff
from watertight.audit_event e
where e.tenant_id = $1
  and e.actor_kind = 'support'
  and e.grant_id = $2
  and e.id < $3
order by e.id desc
limit $4;
