select 'warning', k.oid::regclass::text, k.oid::regclass::text,
  format('%s may %s rows of %s, which is named like a log: who rewrites it leaves no trace', a.role_name,
    concat_ws(' and ', case when a.upd then 'change' end, case when a.del then 'delete' end), k.oid::regclass),
  format('revoke update, delete on %s from public, %I', k.oid::regclass, a.role_name)
from pg_catalog.pg_class k cross join config c
join lateral (select * from access a where a.relid = k.oid and (a.upd or a.del) order by a.role = c.app_oid desc limit 1) a on true
where k.relkind in ('r', 'p') and not k.relispartition and k.relname ~* '(^|_)(audit|journal|ledger|history|access_?log|audit_?log|log)s?($|_)'
