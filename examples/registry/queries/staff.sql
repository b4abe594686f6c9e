-- watertight:default-roles owner

-- name: JobOf :one
-- watertight:roles any
select s.job
from app.staff s
join watertight.tenants t on t.id = s.tenant_id
where s.tenant_id = $1
  and t.id = $1
  and s.id = $2
  and s.left_on is null
  and t.status = 'active';

-- name: IsActive :one
-- watertight:roles any
select true as active
from watertight.tenants
where id = $1
  and status = 'active';

-- name: Hire :exec
insert into app.staff (tenant_id, id, email, job)
values ($1, $2, $3, $4);

-- name: PlanTrip :exec
-- watertight:roles owner dispatcher
insert into app.trips (tenant_id, driver, goal)
values ($1, $2, $3);

-- name: ImportTrips :copyfrom
-- watertight:roles owner dispatcher
insert into app.trips (tenant_id, driver, goal)
values ($1, $2, $3);

-- name: RenameTrips :batchexec
-- watertight:roles owner dispatcher
update app.trips
set goal = $3
where tenant_id = $1
  and goal = $2;

-- name: Trips :many
-- watertight:roles any
select id, driver, goal
from app.trips
where tenant_id = $1
order by goal;
