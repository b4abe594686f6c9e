-- Who is registered with a tenant.
-- watertight:default-roles any

-- name: MemberRole :one
select m.role
from watertight.memberships m
join watertight.tenants t on t.id = m.tenant_id
where m.tenant_id = $1
  and t.id = $1
  and m.user_id = $2
  and m.status = 'active'
  and t.status = 'active';

-- name: TenantIsActive :one
select true as active
from watertight.tenants
where id = $1
  and status = 'active';

-- name: GetTenant :one
select id, name, status, created_at, plan, calendars
from watertight.tenants
where id = $1;

-- name: ListUsers :many
select u.tenant_id, u.id, u.email, u.display_name, u.created_at, m.role, m.status
from watertight.users u
join watertight.memberships m on m.tenant_id = u.tenant_id and m.user_id = u.id
where u.tenant_id = $1
order by lower(u.email);

-- name: UserByEmail :one
select u.tenant_id, u.id, u.email, u.display_name, u.created_at
from watertight.users u
where u.tenant_id = @tenant_id
  and lower(u.email) = lower(@email);

-- name: AddUser :exec
-- watertight:roles owner admin job
insert into watertight.users (tenant_id, id, email, display_name)
values ($1, $2, $3, $4);

-- name: AddMembership :execrows
-- Makes no owner and changes no membership that is there: an admin could raise
-- himself so.
-- watertight:roles owner admin job
insert into watertight.memberships (tenant_id, user_id, role)
select $1, $2, $3
where $3 <> 'owner'
on conflict (tenant_id, user_id) do nothing;

-- name: ChangeMembership :execrows
-- Neither makes an owner nor touches one.
-- watertight:roles owner admin
update watertight.memberships
set role = $3, status = $4
where tenant_id = $1
  and user_id = $2
  and role <> 'owner'
  and $3 <> 'owner';

-- name: SetMembership :exec
-- watertight:roles owner
insert into watertight.memberships (tenant_id, user_id, role, status)
values ($1, $2, $3, $4)
on conflict (tenant_id, user_id) do update set role = excluded.role, status = excluded.status;

-- name: RemoveMember :execrows
-- Removes no owner.
-- watertight:roles owner admin
delete from watertight.users u
where u.tenant_id = $1
  and u.id = $2
  and not exists (
    select from watertight.memberships m
    where m.tenant_id = $1 and m.user_id = $2 and m.role = 'owner');

-- name: RemoveUser :execrows
-- watertight:roles owner job
delete from watertight.users
where tenant_id = $1
  and id = $2;
