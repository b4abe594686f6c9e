select 'warning', t.name || '.' || pg_catalog.quote_ident(t.col), t.name,
  format('%s may UPDATE %s.%I: only the policy''s WITH CHECK keeps a row from moving to another tenant', a.role_name, t.name, t.col),
  format('revoke update on %s from %I; grant update (…) on %1$s to %2$I -- without %3$I', t.name, a.role_name, t.col)
from tenant_table t cross join config c
join lateral (select * from access a where a.relid = t.relid and t.attnum = any (a.upd_cols) order by a.role = c.app_oid desc limit 1) a on true
where not t.directory and not exists (
  select from pg_catalog.pg_trigger g join pg_catalog.pg_proc p on p.oid = g.tgfoid
  where g.tgrelid = t.relid and not g.tgisinternal and g.tgenabled in ('O', 'A') and g.tgtype & 16 <> 0 and p.prosrc ~* 'raise\s+exception')
