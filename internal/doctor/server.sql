-- What a connection shows of the server and of itself, in one row.
with installed as (
  select p.proname
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'watertight'
)
select
  pg_catalog.current_setting('server_version_num')::int as version,
  pg_catalog.pg_backend_pid() as pid,
  extract(epoch from pg_catalog.clock_timestamp())::float8 as clock,
  session_user::text as role,
  exists (select from installed where proname = 'enter') as installed,
  exists (select from installed where proname = 'applied_migrations') as tells_migrations
