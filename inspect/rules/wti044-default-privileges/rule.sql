select case when string_agg(x.privilege_type, ',') ~ 'TRUNCATE|TRIGGER|REFERENCES' then 'error' else 'warning' end,
  coalesce(n.nspname::text, pg_catalog.current_database()::text), '',
  format('%s that %s makes%s are born with %s for %s', case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' else 'functions' end, o.rolname,
    case when n.oid is null then '' else ' in ' || n.nspname end, string_agg(x.privilege_type, ', ' order by x.privilege_type), coalesce(g.rolname, 'PUBLIC')),
  format('alter default privileges for role %I%s revoke all on %s from %s', o.rolname, case when n.oid is null then '' else format(' in schema %I', n.nspname) end,
    case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' else 'functions' end, coalesce(pg_catalog.quote_ident(g.rolname), 'public'))
from pg_catalog.pg_default_acl d
join pg_catalog.pg_roles o on o.oid = d.defaclrole
left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
cross join lateral pg_catalog.aclexplode(d.defaclacl) x
left join pg_catalog.pg_roles g on g.oid = x.grantee
where d.defaclobjtype = 'r' and x.grantee <> d.defaclrole
  and (x.grantee = 0 or exists (select from identity i where i.oid = x.grantee or pg_catalog.pg_has_role(i.oid, x.grantee, 'USAGE')))
group by d.oid, n.oid, n.nspname, o.rolname, g.rolname, d.defaclobjtype
