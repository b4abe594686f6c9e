with setting as (
  select s.setrole, s.setdatabase, split_part(c, '=', 1) as name, substr(c, strpos(c, '=') + 1) as value
  from pg_catalog.pg_db_role_setting s, unnest(s.setconfig) c
  where (s.setdatabase = 0 or s.setdatabase = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
    and (s.setrole = 0 or s.setrole in (select oid from identity))),
judged as (
  select s.*, coalesce((select rolname::text from pg_catalog.pg_roles r where r.oid = s.setrole), 'all roles') as who,
    case
      when s.name = any (c.canon) and s.value <> '' then 'error'
      when s.name = 'session_replication_role' and s.value <> 'origin' then 'error'
      when s.name = 'lo_compat_privileges' and s.value in ('on', 'true', '1', 'yes') then 'error'
      when s.name = 'role' and s.value <> 'none' then 'warning'
      when s.name = 'row_security' and s.value in ('off', 'false', '0', 'no') then 'warning'
      when s.name = 'search_path' and exists (
        select from user_schema u join access_schema a on a.oid = u.oid
        where u.name = any (regexp_split_to_array(replace(s.value, '"', ''), '\s*,\s*'))) then 'error'
    end as severity,
    case
      when s.name = any (c.canon) then 'a session that set no tenant is in that one'
      when s.name = 'session_replication_role' then 'foreign keys and ordinary triggers do not run'
      when s.name = 'lo_compat_privileges' then 'large objects have no privileges'
      when s.name = 'role' then 'the session is another role than the one that was checked at login'
      when s.name = 'row_security' then 'statements on protected tables fail, which invites a role that bypasses policies'
      else 'names are looked up in a schema that the application can create in' end as effect
  from setting s cross join config c)
select severity, who, '', format('%s has %s = %L by default: %s', who, name, value, effect),
  case when setrole = 0 then format('alter database %I reset %s', pg_catalog.current_database(), name)
    when setdatabase = 0 then format('alter role %I reset %s', who, name)
    else format('alter role %I in database %I reset %s', who, pg_catalog.current_database(), name) end
from judged where severity is not null
