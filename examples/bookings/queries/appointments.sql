-- watertight:default-roles any

-- name: Book :one
-- watertight:roles owner admin member
insert into app.appointments (tenant_id, room_id, subject, starts_at, minutes, booked_by)
values ($1, $2, $3, $4, $5, $6)
returning id;

-- name: ListAppointments :many
select a.id, a.subject, a.starts_at, a.minutes, a.room_id, r.name as room, coalesce(u.email, '')::text as booked_by,
  (select count(*) from app.attachments f where f.tenant_id = $1 and f.appointment_id = a.id)::int as attachments
from app.appointments a
join app.rooms r on r.tenant_id = a.tenant_id and r.id = a.room_id
left join watertight.users u on u.tenant_id = a.tenant_id and u.id = a.booked_by
where a.tenant_id = $1
  and a.starts_at >= sqlc.arg('from_time')
  and a.starts_at < sqlc.arg('to_time')
order by a.starts_at, r.name
limit 500;

-- name: GetAppointment :one
select a.id, a.subject, a.starts_at, a.minutes, a.room_id, r.name as room, coalesce(u.email, '')::text as booked_by, a.created_at
from app.appointments a
join app.rooms r on r.tenant_id = a.tenant_id and r.id = a.room_id
left join watertight.users u on u.tenant_id = a.tenant_id and u.id = a.booked_by
where a.tenant_id = $1
  and a.id = $2;

-- name: CancelAppointment :execrows
-- watertight:roles owner admin member support
delete from app.appointments
where tenant_id = $1
  and id = $2;
