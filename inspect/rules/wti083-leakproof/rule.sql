select case when p.pronargs = 0 or l.lanname = 'sql' then 'warning' else 'error' end, r.name, '',
  format('%s is marked LEAKPROOF: it is called with the rows of all tenants, before policies decide%s', r.name,
    case when l.lanname = 'sql' then ' (unless it is inlined)' else ', and its errors and notices tell what they hold' end),
  format('alter function %s not leakproof', r.name)
from routine r join pg_catalog.pg_proc p on p.oid = r.oid join pg_catalog.pg_language l on l.oid = p.prolang
where p.proleakproof
union all
select 'error', p.oid::regprocedure::text, '', format('%s of the server was marked LEAKPROOF by hand', p.oid::regprocedure), format('alter function %s not leakproof', p.oid::regprocedure)
from pg_catalog.pg_proc p where p.proleakproof and p.pronamespace = 'pg_catalog'::regnamespace and p.proname in ('like', 'notlike', 'texticlike', 'textregexeq', 'int4div', 'int4_text', 'textin', 'upper', 'lower')
