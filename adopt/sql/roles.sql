-- Roles, beside superusers and Watertight's own, that may use one of the tables.
select r.rolname::text from pg_catalog.pg_roles r
where not r.rolsuper and r.rolname !~ '^(pg_|watertight_)' and exists (
  select from unnest($1::oid[]) as t(oid)
  where pg_catalog.has_table_privilege(r.oid, t.oid, 'SELECT, INSERT, UPDATE, DELETE')
    or pg_catalog.has_any_column_privilege(r.oid, t.oid, 'SELECT, INSERT, UPDATE'))
order by r.rolname
