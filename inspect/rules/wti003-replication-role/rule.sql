select 'error', i.name, '',
  format('%s has REPLICATION: it can read the changes of all tenants from the log, where no policy holds', i.name),
  format('alter role %I noreplication', i.name)
from identity i join pg_catalog.pg_roles r on r.oid = i.oid
where r.rolreplication and not r.rolsuper
