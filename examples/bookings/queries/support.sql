-- Who asked for help. The grants are Watertight's, see accounts.GrantSupport.
-- watertight:default-roles any

-- name: AskForSupport :one
-- watertight:roles owner admin member
insert into app.support_requests (tenant_id, question, asked_by)
values ($1, $2, $3)
returning id;

-- name: ListSupportRequests :many
select s.id, s.question, s.asked_at, s.answered_at, coalesce(u.email, '')::text as asked_by
from app.support_requests s
left join watertight.users u on u.tenant_id = s.tenant_id and u.id = s.asked_by
where s.tenant_id = $1
order by s.asked_at desc, s.id
limit 100;

-- name: AnswerSupportRequest :execrows
-- watertight:roles owner admin
update app.support_requests
set answered_at = now()
where tenant_id = $1
  and id = $2
  and answered_at is null;
