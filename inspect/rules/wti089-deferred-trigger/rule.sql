select 'warning', g.tgname::text || ' on ' || t.name, t.name,
  format('the trigger %I on %s is deferrable and asks the session who is there: at the end of the transaction that may be somebody else', g.tgname, t.name),
  format('take the tenant from NEW.%I in %s, or make the trigger not deferrable', t.col, r.name)
from tenant_table t join pg_catalog.pg_trigger g on g.tgrelid = t.relid and not g.tgisinternal and g.tgdeferrable join routine r on r.oid = g.tgfoid
where not t.directory and r.context
