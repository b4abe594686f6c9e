select case when r.rolname in ('pg_read_all_data', 'pg_write_all_data', 'pg_read_all_settings', 'pg_checkpoint', 'pg_use_reserved_connections') then 'warning' else 'error' end,
  r.rolname::text, '',
  format('%s has the rights of %s: %s', c.app, r.rolname, case
    when r.rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program') then 'it reaches the files of the database, where there are no policies'
    when r.rolname in ('pg_read_all_data', 'pg_write_all_data') then 'it reaches every table without row-level security, those of later migrations included'
    when r.rolname in ('pg_monitor', 'pg_read_all_stats', 'pg_stat_scan_tables') then 'it reads the statements and statistics of other sessions'
    when r.rolname = 'pg_signal_backend' then 'it can end other tenants'' sessions'
    else 'it has rights over the whole database' end),
  format('revoke %I from %I', r.rolname, coalesce(
    (select i.name from identity i where exists (
      select from pg_catalog.pg_auth_members m where m.member = i.oid and m.roleid = r.oid) limit 1), c.app))
from pg_catalog.pg_roles r cross join config c join pg_catalog.pg_roles a on a.oid = c.app_oid
where r.rolname ~ '^pg_' and r.rolname <> 'pg_database_owner' and not a.rolsuper
  and exists (select from identity i where i.oid = r.oid or pg_catalog.pg_has_role(i.oid, r.oid, 'USAGE'))
