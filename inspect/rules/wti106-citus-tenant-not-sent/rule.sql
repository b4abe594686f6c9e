select 'warning', c.app, '', format('%s does not send the tenant to the workers: each of its statements on distributed tables fails or finds no row', c.app),
  format('alter role %I set citus.propagate_set_commands = ''local''', c.app)
from config c
where c.citus and not exists (
  select from pg_catalog.pg_db_role_setting s, unnest(s.setconfig) as line
  where s.setrole in (0, c.app_oid) and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
    and line ~* '^citus\.propagate_set_commands=local$')
