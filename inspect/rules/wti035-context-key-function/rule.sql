select distinct case when open.relid is null then 'error' else 'warning' end, r.name, c.name,
  format('%s may call %s, which changes %s with the rights of %s, and the policies on %s believe what stands there: a tenant makes a context of another one for itself',
    r.caller, r.name, w.relid::regclass, o.rolname, c.name),
  format('revoke execute on function %s from public, %I', r.name, r.caller)
from routine r
join pg_catalog.pg_proc p on p.oid = r.oid and p.prosecdef and p.provolatile = 'v' and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
join pg_catalog.pg_roles o on o.oid = p.proowner
join mention w on w.function = r.oid and w.writes
-- One table for each function, to name: it is the same in all of them.
cross join lateral (
  select min(t.name) as name from mention k join policy_call c on c.function = k.function join tenant_table t on t.relid = c.relid
  where k.relid = w.relid) c
-- What the application can read itself holds no keys, but perhaps who is what.
left join lateral (select a.relid from access a where a.relid = w.relid and a.sel limit 1) open on true
where r.caller is not null and c.name is not null
  -- A table of memberships has a tenant, and functions may well keep it.
  and not exists (select from tenant_table t where t.relid = w.relid)
