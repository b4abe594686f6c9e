select case s.name when 'lo_compat_privileges' then 'error' else 'warning' end, s.name, '', format('%s is %s: %s', s.name, s.setting, v.effect), format('alter system set %s = %L', s.name, v.good)
from (values
  ('max_prepared_transactions', '0', 'a prepared transaction of one tenant can be committed from the session of another, as all share the role'),
  ('lo_compat_privileges', 'off', 'large objects have no privileges'),
  ('log_parameter_max_length_on_error', '0', 'errors are logged with the parameters of all tenants'),
  ('transform_null_equals', 'off', 'tenant_id = NULL is read as IS NULL')) as v(name, good, effect)
join pg_catalog.pg_settings s on s.name = v.name
where s.setting <> v.good
