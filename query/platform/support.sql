-- The platform's support people.

-- name: AddSupportStaff :exec
-- watertight:cross-tenant support people belong to the platform, not to a tenant
insert into watertight.support_staff (id, email, name)
values ($1, $2, $3);

-- name: SetSupportStaffActive :execrows
-- watertight:cross-tenant support people belong to the platform, not to a tenant
update watertight.support_staff
set active = $2
where id = $1;
