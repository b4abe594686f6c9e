select distinct 'warning', f.oid::regproc::text, t.name,
  format('the policies of %s call %s, which reads %s: on a worker Citus refuses that, or finds a table of its own', t.name, f.oid::regproc, m.relid::regclass),
  format('let %s depend on settings only, or on a table that each node has for itself', f.oid::regproc)
from tenant_table t join policy_call c on c.relid = t.relid join pg_catalog.pg_proc f on f.oid = c.function
join mention m on m.function = f.oid cross join config
-- Each node has keys of its own.
where config.citus and m.relid is distinct from to_regclass('watertight.context_key')::oid and t.name !~ '^watertight\.'
