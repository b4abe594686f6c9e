select 'error', s.srvname::text, '',
  format('%s may use the foreign server %I%s: it can make sessions there that have no tenant', i.name, s.srvname, case when m.umid is not null then ', with a mapping of its own or of PUBLIC' else '' end),
  format('revoke usage on foreign server %I from public, %I', s.srvname, i.name)
from pg_catalog.pg_foreign_server s
join lateral (select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid
  where not r.rolsuper and pg_catalog.has_server_privilege(i.oid, s.oid, 'USAGE') order by i.self desc limit 1) i on true
left join lateral (select m.umid from pg_catalog.pg_user_mappings m where m.srvid = s.oid and m.umuser in (0, i.oid) limit 1) m on true
