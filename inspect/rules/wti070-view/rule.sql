select case when bool_and(t.directory) then 'warning' else 'error' end, v.view::regclass::text, t.name,
  format('the view %s shows %s of all tenants: %s is read as %s, %s', v.view::regclass, t.name,
    coalesce(nullif(v.through, ''), 'the table'), v.as_role, v.reason),
  format('alter view %s set (security_invoker = true)', coalesce(nullif(v.through, ''), v.view::regclass::text))
from view_read v join tenant_table t on t.relid = v.relid
where not v.filter
group by v.view, t.relid, t.name, v.through, v.as_role, v.reason
