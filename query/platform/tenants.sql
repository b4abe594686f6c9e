-- The platform's own work on tenants. This package takes the handle of
-- tenancy/crosstenant, so a service that serves customers cannot run it.

-- name: CreateTenant :exec
-- watertight:cross-tenant a tenant that does not exist yet admits nobody
insert into watertight.tenants (id, name)
values ($1, $2);

-- name: SetTenantStatus :execrows
-- watertight:cross-tenant a tenant cannot be suspended or resumed from inside
update watertight.tenants
set status = $2
where id = $1;

-- name: AddFirstUser :exec
-- watertight:cross-tenant the first account of a tenant has nobody in it to make it
with account as (
  insert into watertight.users (tenant_id, id, email, display_name)
  values ($1, $2, $3, $4)
)
insert into watertight.memberships (tenant_id, user_id, role)
values ($1, $2, $5);

-- name: ListTenants :many
-- watertight:cross-tenant an operator looks which tenants there are
select id, name, status
from watertight.tenants
order by created_at, id;

-- name: TenantStatus :one
-- watertight:cross-tenant a tenant cannot be suspended or resumed from inside
select status
from watertight.tenants
where id = $1;

-- name: EndCalendarConnections :execrows
-- watertight:cross-tenant a plan without calendars ends those of one tenant
update watertight.calendar_connections
set revoked_at = now(),
    access_token = null,
    refresh_token = null,
    caldav_password = null,
    access_expires_at = null
where tenant_id = $1
  and revoked_at is null;

-- name: SetPlan :execrows
-- watertight:cross-tenant a plan is what a customer pays for: nothing inside the tenant changes it
update watertight.tenants
set plan = $2, calendars = $3
where id = $1;
