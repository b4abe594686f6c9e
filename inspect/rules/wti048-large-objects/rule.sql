select 'error', 'large objects', '',
  format('%s large objects exist that %s owns or was granted: their privileges are the role''s, so every tenant reads all of them', count(*), max(i.name)),
  'move the contents to a bytea column of a tenant table, or to tenant-scoped files, and select lo_unlink(oid)'
from pg_catalog.pg_largeobject_metadata l join identity i on true
where l.lomowner = i.oid or exists (
  select from pg_catalog.aclexplode(l.lomacl) x where x.grantee = 0 or pg_catalog.pg_has_role(i.oid, x.grantee, 'USAGE') and x.grantee <> l.lomowner)
having count(*) > 0
union all
select case when exists (select from pg_catalog.pg_proc p join identity i on true where p.oid = 'pg_catalog.lo_get(oid)'::regprocedure and pg_catalog.has_function_privilege(i.oid, p.oid, 'EXECUTE')) then 'error' else 'warning' end, t.name || '.' || a.attname, t.name,
  format('%s.%I has the type %s: if it names large objects, the application''s role reads those of all tenants', t.name, a.attname, y.typname),
  format('alter table %s alter column %I type bytea using …', t.name, a.attname)
from tenant_table t join pg_catalog.pg_attribute a on a.attrelid = t.relid and a.attnum > 0 and not a.attisdropped join pg_catalog.pg_type y on y.oid = a.atttypid
where t.reached and (y.oid = 'oid'::regtype or y.typname = 'lo' and y.typtype = 'd')
