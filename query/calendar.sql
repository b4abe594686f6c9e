-- Connected calendars and what is imported from them. The credential columns
-- hold sealed values only; a check of the table refuses anything else.
-- watertight:default-roles any

-- name: AddCalendarConnection :exec
insert into watertight.calendar_connections (
  tenant_id, id, user_id, provider, account, scopes, access_token, refresh_token, caldav_password, access_expires_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: CalendarConnections :many
select id, user_id, provider, account, scopes, access_expires_at, created_at, revoked_at
from watertight.calendar_connections
where tenant_id = $1
order by created_at, id;

-- name: CalendarConnectionsOfUser :many
select id, provider, account, scopes, access_expires_at, created_at, revoked_at
from watertight.calendar_connections
where tenant_id = $1
  and user_id = $2
order by created_at, id;

-- name: CalendarCredential :one
select provider, account, access_token, refresh_token, caldav_password, access_expires_at
from watertight.calendar_connections
where tenant_id = $1
  and id = $2
  and revoked_at is null;

-- name: CalendarTokensToRenew :many
select id, provider, account, refresh_token, access_expires_at
from watertight.calendar_connections
where tenant_id = $1
  and revoked_at is null
  and refresh_token is not null
  and access_expires_at < @before
order by access_expires_at, id
limit @page;

-- name: ReplaceCalendarTokens :execrows
-- Only where the refresh token is still the one that was used: two processes
-- that renew at once must not put an older token over a newer one.
update watertight.calendar_connections
set access_token = @access_token,
    refresh_token = @refresh_token,
    access_expires_at = @access_expires_at
where tenant_id = @tenant_id
  and id = @id
  and refresh_token = @used_refresh_token
  and revoked_at is null;

-- name: RevokeCalendarConnection :execrows
update watertight.calendar_connections
set revoked_at = now(),
    access_token = null,
    refresh_token = null,
    caldav_password = null,
    access_expires_at = null
where tenant_id = $1
  and id = $2
  and revoked_at is null;

-- name: DeleteBusyBlocks :execrows
delete from watertight.calendar_busy
where tenant_id = $1
  and connection_id = $2
  and starts_at >= @from_time
  and starts_at < @to_time;

-- name: AddBusyBlock :exec
insert into watertight.calendar_busy (tenant_id, connection_id, subject, starts_at, minutes)
values ($1, $2, $3, $4, $5);

-- name: BusyBlocks :many
select b.subject, b.starts_at, b.minutes
from watertight.calendar_busy b
where b.tenant_id = $1
  and b.connection_id = $2
  and b.starts_at < @to_time
  and b.starts_at + make_interval(mins => b.minutes) > @from_time
order by b.starts_at;

-- name: ClaimCalendarRevocations :many
-- Takes what is due, and makes it due again later: the provider is told outside
-- of any transaction, by a process that may be killed. Waiting times double, from
-- a minute to six hours. What another process is taking is left to it.
-- watertight:roles job
update watertight.calendar_revocations r
set attempts = r.attempts + 1,
    next_attempt_at = now() + least(interval '1 minute' * power(2, least(r.attempts, 10)), interval '6 hours')
where r.tenant_id = $1
  and r.id in (
    select d.id
    from watertight.calendar_revocations d
    where d.tenant_id = $1
      and d.next_attempt_at <= now()
    order by d.next_attempt_at, d.id
    limit $2
    for update skip locked
  )
returning r.id, r.provider, r.access_token, r.refresh_token, r.created_at;

-- name: EndCalendarRevocation :execrows
-- watertight:roles job
delete from watertight.calendar_revocations
where tenant_id = $1
  and id = $2;
