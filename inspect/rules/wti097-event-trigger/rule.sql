select case when pg_catalog.pg_has_role(i.oid, e.evtowner, 'USAGE') or pg_catalog.pg_has_role(i.oid, p.proowner, 'USAGE') then 'error' else 'warning' end, e.evtname::text, '',
  format('the event trigger %I belongs to %s: it runs with the rights of whoever migrates', e.evtname, i.name), format('drop event trigger %I', e.evtname)
from pg_catalog.pg_event_trigger e join pg_catalog.pg_proc p on p.oid = e.evtfoid
join lateral (select i.* from identity i join pg_catalog.pg_roles r on r.oid = i.oid where not r.rolsuper
  and (pg_catalog.pg_has_role(i.oid, e.evtowner, 'USAGE') or pg_catalog.pg_has_role(i.oid, p.proowner, 'USAGE')) order by i.self desc limit 1) i on true
union all
select 'warning', e.evtname::text, '', format('the event trigger %I is disabled', e.evtname), format('alter event trigger %I enable', e.evtname)
from pg_catalog.pg_event_trigger e where e.evtenabled = 'D'
