select 'error', i.name, '',
  format('%s is %s, so no policy holds for it; %s', i.name,
    case when r.rolsuper then 'a superuser' else 'a role with BYPASSRLS' end, i.via),
  case when i.self then format('alter role %I nosuperuser nobypassrls', i.name)
    else format('revoke %I from %I', i.name, c.app) end
from identity i join pg_catalog.pg_roles r on r.oid = i.oid cross join config c
where r.rolsuper or r.rolbypassrls
