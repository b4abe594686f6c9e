select 'warning', pg_catalog.current_database()::text, '',
  format('%s may make temporary tables: they stay on a pooled connection, have no policies, and an unqualified name finds them first', i.name),
  format('revoke temporary on database %I from public', pg_catalog.current_database())
from identity i join pg_catalog.pg_roles r on r.oid = i.oid
where i.self and not r.rolsuper and pg_catalog.has_database_privilege(i.oid, pg_catalog.current_database(), 'TEMP')
