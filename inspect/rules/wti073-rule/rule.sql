select case when x.target is null then 'warning' else 'error' end, r.rulename::text || ' on ' || t.name, t.name,
  format('the rule %I on %s %s', r.rulename, t.name,
    case when x.target is null then 'changes what statements of the application do'
      else format('uses %s as the owner of %s%s', x.target::regclass, t.name, x.why) end),
  format('drop rule %I on %s', r.rulename, t.name)
from tenant_table t join pg_catalog.pg_class k on k.oid = t.relid join pg_catalog.pg_rewrite r on r.ev_class = t.relid and r.rulename <> '_RETURN'
left join lateral (
  select d.refobjid as target, case when o.relrowsecurity and not o.relforcerowsecurity and o.relowner = k.relowner then ', for whom its policies do not hold'
      when not o.relrowsecurity and exists (select from access a where a.relid = o.oid and a.sel) then ', and the application can read that table, which has no policies'
      when not o.relrowsecurity then ', which has no policies' when w.rolsuper or w.rolbypassrls then ', who bypasses policies' end as why
  from pg_catalog.pg_depend d join pg_catalog.pg_class o on o.oid = d.refobjid and o.relkind in ('r', 'p', 'f') join pg_catalog.pg_roles w on w.oid = k.relowner
  where d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> t.relid
    and (not o.relrowsecurity and exists (select from access a where a.relid = o.oid and a.sel)
      or o.relrowsecurity and not o.relforcerowsecurity and o.relowner = k.relowner or w.rolsuper or w.rolbypassrls)
  limit 1) x on true
where r.ev_enabled <> 'D'
