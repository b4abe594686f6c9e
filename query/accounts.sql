-- Who is registered with a tenant.

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
select id, name, status, created_at
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
insert into watertight.users (tenant_id, id, email, display_name)
values ($1, $2, $3, $4);

-- name: SetMembership :exec
insert into watertight.memberships (tenant_id, user_id, role, status)
values ($1, $2, $3, $4)
on conflict (tenant_id, user_id) do update set role = excluded.role, status = excluded.status;

-- name: RemoveUser :execrows
delete from watertight.users
where tenant_id = $1
  and id = $2;
