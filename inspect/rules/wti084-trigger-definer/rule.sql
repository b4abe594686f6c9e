select distinct case when r.new_row and not r.dynamic then 'warning' else 'error' end, g.tgname::text || ' on ' || t.name, t.name,
  format('the trigger %I on %s uses %s with the rights of %s (%s)%s', g.tgname, t.name, r.tbl, o.rolname, r.power,
    case when r.new_row then '' else ' and not by the tenant of the row: a write of one tenant reads or changes another''s' end),
  format('alter function %s security invoker, or compare the tenant with NEW.%s', r.name, (select names[1] from config))
from written t join pg_catalog.pg_trigger g on g.tgrelid = t.relid and not g.tgisinternal and g.tgenabled <> 'D'
join routine r on r.oid = g.tgfoid join pg_catalog.pg_proc p on p.oid = r.oid join pg_catalog.pg_roles o on o.oid = p.proowner
where r.power <> ''
