select case when t.directory and not (a.ins or a.upd or a.del) and not exists (select from pg_catalog.pg_policy p where p.polrelid = t.relid) then 'warning' else 'error' end, t.name, t.name,
  format('row-level security is off on %s%s: %s can %s the rows of all tenants', t.name,
    case when exists (select from pg_catalog.pg_policy p where p.polrelid = t.relid) then ', although it has policies' else '' end,
    a.role_name, concat_ws(', ', case when a.sel then 'read' end, case when a.ins then 'insert' end, case when a.upd then 'change' end, case when a.del then 'delete' end)),
  format('alter table %s enable row level security, force row level security', t.name) ||
    case when exists (select from pg_catalog.pg_policy p where p.polrelid = t.relid) then '' else
      format('; create policy tenant_isolation on %s using (%I = nullif(current_setting(%L, true), '''')::%s)', t.name, t.col, coalesce(c.canon[1], 'app.tenant_id'),
        (select pg_catalog.format_type(atttypid, atttypmod) from pg_catalog.pg_attribute where attrelid = t.relid and attnum = t.attnum)) end
from tenant_table t
join pg_catalog.pg_class k on k.oid = t.relid cross join config c
join lateral (select * from access a where a.relid = t.relid and (a.sel or a.ins or a.upd or a.del)
  order by a.role = c.app_oid desc limit 1) a on true
where not k.relrowsecurity
  and not exists (select from pg_catalog.pg_inherits h join tenant_table p on p.relid = h.inhparent join pg_catalog.pg_class pk on pk.oid = p.relid where h.inhrelid = t.relid and pk.relrowsecurity)
union all
select 'warning', t.name, t.name,
  format('%s has policies, but row-level security is off: they do nothing', t.name),
  format('alter table %s enable row level security, force row level security', t.name)
from tenant_table t join pg_catalog.pg_class k on k.oid = t.relid
where not k.relrowsecurity and not t.reached and exists (select from pg_catalog.pg_policy p where p.polrelid = t.relid)
