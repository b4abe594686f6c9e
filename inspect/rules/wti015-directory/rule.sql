select case when bool_or(v.command <> 'SELECT' or v.widened) then 'error' else 'warning' end, t.name, t.name,
  format('%s can %s every tenant in %s: %s', v.role_name,
    string_agg(distinct case v.command when 'SELECT' then 'read' when 'INSERT' then 'add' when 'DELETE' then 'delete' else 'change' end, ', '), t.name,
    string_agg(distinct v.reason, '; ')),
  format('alter table %s enable row level security, force row level security; create policy own_tenant on %1$s for select using (%I = …); revoke insert, update, delete on %1$s from %I', t.name, t.col, v.role_name)
from tenant_table t join verdict v on v.relid = t.relid and v.allowed and v.level in ('open', 'loose') join pg_catalog.pg_class k on k.oid = t.relid
where t.directory and k.relrowsecurity
group by t.relid, t.name, t.col, v.role_name
