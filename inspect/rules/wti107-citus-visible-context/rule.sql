select 'warning', c.app, '', format('on a worker each session of %s can read the tenant context of the others, in pg_stat_activity', c.app),
  format('alter role %I set track_activities = off', c.app)
from config c
where c.citus and not exists (
  select from pg_catalog.pg_db_role_setting s, unnest(s.setconfig) as line
  where s.setrole in (0, c.app_oid) and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
    and line ~* '^track_activities=off$')
