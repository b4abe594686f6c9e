-- Only an owner takes everything away.
-- watertight:default-roles owner

-- name: RecordExport :one
insert into app.exports (tenant_id, asked_by)
values ($1, $2)
returning id;

-- name: ListExports :many
select e.id, e.asked_at, coalesce(u.email, '')::text as asked_by
from app.exports e
left join watertight.users u on u.tenant_id = e.tenant_id and u.id = e.asked_by
where e.tenant_id = $1
order by e.asked_at desc, e.id
limit 20;
