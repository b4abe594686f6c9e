select case when r.scoped and not r.argument or r.sets <> '' then 'warning' else 'error' end, r.name, r.tbl,
  format('%s may call %s, which uses %s with the rights of %s (%s)%s', r.caller, r.name, r.tbl, o.rolname, r.power,
    case when r.argument then ': whoever calls it says which tenant' when r.scoped then ': only its own WHERE limits it to the tenant' else '' end),
  format('alter function %s security invoker; or revoke execute on function %1$s from public, %I', r.name, r.caller)
from routine r join pg_catalog.pg_proc p on p.oid = r.oid join pg_catalog.pg_roles o on o.oid = p.proowner
where r.power <> '' and r.caller is not null and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
  -- a function that policies call to look memberships up is judged with them
  and not (r.policy and r.context)
