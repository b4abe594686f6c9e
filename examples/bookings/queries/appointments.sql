-- watertight:default-roles any

-- name: Book :one
-- watertight:roles owner admin member
insert into app.appointments (tenant_id, room_id, subject, starts_at, minutes, booked_by)
values ($1, $2, $3, $4, $5, $6)
returning id;

-- name: ListAppointments :many
select a.id, a.subject, a.starts_at, a.minutes, r.name as room, u.email as booked_by
from app.appointments a
join app.rooms r on r.tenant_id = a.tenant_id and r.id = a.room_id
join watertight.users u on u.tenant_id = a.tenant_id and u.id = a.booked_by
where a.tenant_id = $1
order by a.starts_at;

-- name: GetAppointment :one
select id, room_id, subject, starts_at, minutes, booked_by, created_at
from app.appointments
where tenant_id = $1
  and id = $2;

-- name: CancelAppointment :execrows
-- watertight:roles owner admin member
delete from app.appointments
where tenant_id = $1
  and id = $2;
