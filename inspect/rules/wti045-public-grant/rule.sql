select 'warning', t.name, t.name,
  format('PUBLIC has %s on %s: every role of the cluster, tomorrow''s included, is let as far as the policies', string_agg(distinct x.privilege_type, ', '), t.name),
  format('revoke all on %s from public', t.name)
from tenant_table t join pg_catalog.pg_class k on k.oid = t.relid
cross join lateral (
  select a.grantee, a.privilege_type from pg_catalog.aclexplode(k.relacl) a
  union all select a.grantee, a.privilege_type from pg_catalog.pg_attribute c, pg_catalog.aclexplode(c.attacl) a where c.attrelid = k.oid and c.attacl is not null) x
where x.grantee = 0
group by t.name
