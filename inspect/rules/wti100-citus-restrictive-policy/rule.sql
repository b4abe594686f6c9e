select case when d.relid is null then 'warning' else 'error' end, p.polname::text, t.name,
  format('the policy %I on %s is restrictive, and Citus %s it permissive on the shards: what it lets in, it adds', p.polname, t.name, case when d.relid is null then 'would make' else 'makes' end),
  format('drop policy %I on %s; and put its condition into the permissive policy, with and', p.polname, t.name)
from tenant_table t join pg_catalog.pg_policy p on p.polrelid = t.relid and not p.polpermissive
cross join config c left join distributed d on d.relid = t.relid
where c.citus and t.reached and exists (
  select from unnest(p.polroles) as o(oid) where o.oid = 0 or exists (select from identity i where pg_catalog.pg_has_role(i.oid, o.oid, 'USAGE')))
