-- watertight:default-roles any

-- name: AddRoom :one
-- watertight:roles owner admin
insert into app.rooms (tenant_id, name)
values ($1, $2)
returning id;

-- name: ListRooms :many
select id, name
from app.rooms
where tenant_id = $1
order by name;
