select 'error', k.oid::regclass::text, '', format('%s may read %s: it holds %s', a.name, k.oid::regclass, v.holds), format('revoke all on %s from public, %I', k.oid::regclass, a.name)
from (values ('pg_statistic', 'samples of the values of all tenants'), ('pg_statistic_ext_data', 'samples of the values of all tenants'),
  ('pg_largeobject', 'the contents of all large objects'), ('pg_authid', 'the password hashes of all roles'), ('pg_shadow', 'the password hashes of all roles'),
  ('pg_user_mapping', 'passwords of other servers'), ('pg_subscription', 'passwords of other servers')) as v(name, holds)
join pg_catalog.pg_class k on k.relnamespace = 'pg_catalog'::regnamespace and k.relname = v.name
join lateral (select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where not r.rolsuper and case when v.name = 'pg_subscription' then pg_catalog.has_column_privilege(i.oid, k.oid, 'subconninfo', 'SELECT') else pg_catalog.has_table_privilege(i.oid, k.oid, 'SELECT') end
  order by i.self desc limit 1) a on true
union all
select 'error', p.oid::regprocedure::text, '', format('%s may call %s, which reads files or pages past every policy', a.name, p.oid::regprocedure), format('revoke execute on function %s from public, %I', p.oid::regprocedure, a.name)
from pg_catalog.pg_proc p
join lateral (select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where not r.rolsuper and not pg_catalog.pg_has_role(i.oid, 'pg_read_server_files', 'USAGE') and not pg_catalog.pg_has_role(i.oid, 'pg_monitor', 'USAGE')
    and pg_catalog.has_function_privilege(i.oid, p.oid, 'EXECUTE') order by i.self desc limit 1) a on true
where p.proname in ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'lo_export', 'pg_ls_logdir', 'pg_ls_waldir', 'pg_current_logfile',
    'pg_file_write', 'pg_reload_conf', 'pg_rotate_logfile', 'dblink_connect_u')
