-- Signing in with a password: the attempt, which is counted before the password
-- is looked at, and what follows from it.
-- watertight:default-roles sign_in

-- name: ClaimSignIn :one
-- Takes one attempt from an account that may sign in, and gives its hash. An
-- account that may not, or that is not there, gives the same row without one.
with claimed as (
  update watertight.users u
  set failed_attempts = u.failed_attempts + 1,
      locked_until = case when u.failed_attempts + 1 >= sqlc.arg('lock_after')::int
        then now() + make_interval(secs => least(sqlc.arg('lock_most')::float8, sqlc.arg('lock_for')::float8 * power(2, least(u.failed_attempts + 1 - sqlc.arg('lock_after')::int, 40)))) end
  where u.tenant_id = sqlc.arg('tenant_id')
    and u.id = sqlc.arg('user_id')
    and u.password_hash is not null
    and u.failed_attempts < sqlc.arg('give_up')::int
    and (u.locked_until is null or u.locked_until <= now())
    and exists (
      select from watertight.memberships m
      where m.tenant_id = sqlc.arg('tenant_id') and m.user_id = u.id and m.status = 'active')
  returning u.password_hash, u.email, u.failed_attempts, u.locked_until
)
select
  (exists (select from claimed))::bool as claimed,
  (select c.password_hash from claimed c) as password_hash,
  coalesce((select c.email from claimed c), '')::text as email,
  coalesce((select c.failed_attempts from claimed c), 0)::int as failed_attempts,
  (exists (select from claimed c where c.locked_until is not null))::bool as locks,
  (exists (select from watertight.tenant_keys k join watertight.tenants t on t.id = k.tenant_id
     where k.tenant_id = sqlc.arg('tenant_id') and t.id = sqlc.arg('tenant_id') and k.state = 'active' and t.status = 'active'))::bool as keyed;

-- name: SignInRefused :exec
-- In the platform's log: the tenant does not have the account.
select watertight.sign_in_refused();

-- name: ClearFailures :execrows
update watertight.users
set failed_attempts = 0, locked_until = null
where tenant_id = $1
  and id = $2;

-- name: SetPassword :execrows
-- Whoever sets a password unlocks the account.
-- watertight:roles owner job sign_in
update watertight.users
set password_hash = $3, password_set_at = now(), failed_attempts = 0, locked_until = null
where tenant_id = $1
  and id = $2;

-- name: SetPasswordOfMember :execrows
-- Sets no owner's: an admin could sign in as him.
-- watertight:roles admin
update watertight.users u
set password_hash = $3, password_set_at = now(), failed_attempts = 0, locked_until = null
where u.tenant_id = $1
  and u.id = $2
  and not exists (
    select from watertight.memberships m
    where m.tenant_id = $1 and m.user_id = $2 and m.role = 'owner');

-- name: ReplacePasswordHash :execrows
-- The same password under a newer key or cost, unless somebody was faster.
update watertight.users
set password_hash = $4
where tenant_id = $1
  and id = $2
  and password_hash = $3;

-- name: UserEmail :one
-- watertight:roles any
select u.email
from watertight.users u
where u.tenant_id = $1
  and u.id = $2;
