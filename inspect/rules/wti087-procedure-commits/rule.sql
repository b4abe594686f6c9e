select 'warning', r.name, '',
  format('%s commits or rolls back: what follows runs without the tenant, or with a stale one', r.name),
  'end transactions in the application only, and enter the tenant in each'
from routine r join pg_catalog.pg_proc p on p.oid = r.oid
where p.prokind = 'p' and p.prosrc ~* '\m(commit|rollback)\M\s*(and\s+chain)?\s*;' and r.caller is not null
