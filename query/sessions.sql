-- Sessions: refresh handles that turn, and how sessions end.
-- watertight:default-roles session

-- name: StartSession :exec
insert into watertight.sessions (tenant_id, id, user_id, family_hash, turn_hash, methods, ip, user_agent, expires_at)
values (@tenant_id, @id, @user_id, @family_hash, @turn_hash, @methods, @ip, @user_agent, @expires_at);

-- name: FindSession :one
select s.user_id, u.email, s.methods, s.turn_hash, s.used_at, s.expires_at, s.ended_at
from watertight.sessions s
join watertight.users u on u.tenant_id = s.tenant_id and u.id = s.user_id
where s.tenant_id = @tenant_id
  and s.id = @id
  and s.family_hash = @family_hash;

-- name: TurnSession :execrows
-- Compare and swap: of two that come with the same handle, one turns it.
update watertight.sessions
set turn_hash = $4, used_at = now(), ip = $5, user_agent = $6
where tenant_id = $1
  and id = $2
  and turn_hash = $3
  and ended_at is null;

-- name: EndSession :execrows
-- watertight:roles owner admin session
update watertight.sessions
set ended_at = now(), ended_why = $3
where tenant_id = $1
  and id = $2
  and ended_at is null;

-- name: EndOwnSession :execrows
update watertight.sessions
set ended_at = now(), ended_why = $4
where tenant_id = $1
  and id = $2
  and user_id = $3
  and ended_at is null;

-- name: EndSessionsOf :execrows
-- watertight:roles owner admin job session sign_in
update watertight.sessions
set ended_at = now(), ended_why = $3
where tenant_id = $1
  and user_id = $2
  and ended_at is null;

-- name: ListSessions :many
-- watertight:roles owner admin session
select s.tenant_id, s.id, s.user_id, s.methods, s.ip, s.user_agent, s.created_at, s.used_at, s.expires_at
from watertight.sessions s
where s.tenant_id = @tenant_id
  and s.user_id = @user_id
  and s.ended_at is null
  and s.expires_at > now()
order by s.used_at desc;

-- name: ForgetSessions :execrows
delete from watertight.sessions
where tenant_id = @tenant_id
  and user_id = @user_id
  and expires_at < @before;
