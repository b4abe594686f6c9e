select 'error', r.name, '',
  format('%s is IMMUTABLE but depends on the session: its value is kept in cached plans, and the next tenant on the connection gets the previous one''s rows', r.name),
  format('alter function %s stable', r.name)
from routine r join pg_catalog.pg_proc p on p.oid = r.oid
where p.provolatile = 'i' and r.context and (r.policy or r.caller is not null)
