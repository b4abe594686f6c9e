-- What Open refuses: one row a reason. $1 lists the tenant columns, $2 the
-- role that must be held, $3 the function that its policies must call, $4
-- whether contexts are bound to a session or a transaction.
with me as (
  select r.* from pg_catalog.pg_roles r where r.rolname in (session_user, current_user)
),
tenant_table as (
  select distinct c.oid, c.relowner, c.relrowsecurity, c.relforcerowsecurity
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind in ('r', 'p') and a.attname = any ($1::text[])
    and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
),
reachable as (
  select t.* from tenant_table t
  where pg_catalog.has_any_column_privilege(current_user, t.oid, 'SELECT, INSERT, UPDATE')
    or pg_catalog.has_table_privilege(current_user, t.oid, 'DELETE, TRUNCATE, REFERENCES, TRIGGER')
),
-- Not by the functions themselves, which a role may not be allowed to call.
citus as (
  select p.prosrc like '%set local watertight.context%' as profile
  from pg_catalog.pg_extension e, pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where e.extname = 'citus' and n.nspname = 'watertight' and p.proname = 'enter'
)
select 'role' as kind, format('role %I is a superuser (log in as watertight_app or a member of it)', me.rolname) as reason
  from me where me.rolsuper
union all
select 'role', format('role %I has BYPASSRLS (alter role %I nobypassrls)', me.rolname, me.rolname)
  from me where me.rolbypassrls and not me.rolsuper
union all
select 'role', format('role %I may create roles and so give itself others (alter role %I nocreaterole)', me.rolname, me.rolname)
  from me where me.rolcreaterole and not me.rolsuper
union all
select 'role', format('role %I may replicate, which reads every row (alter role %I noreplication)', me.rolname, me.rolname)
  from me where me.rolreplication and not me.rolsuper
union all
select 'role', format('role %I is a member of %I, which %s (revoke %I from %I)', me.rolname, r.rolname, case
    when r.rolsuper then 'is a superuser'
    when r.rolbypassrls then 'has BYPASSRLS'
    when r.rolname in ('watertight_owner', 'watertight_context', 'watertight_migrator') then 'owns or migrates the schema'
    when r.rolname in ('watertight_app', 'watertight_system', 'watertight_support', 'watertight_lifecycle') then 'works across tenants, or the other way round'
    when r.rolname ~ '^pg_' then 'reaches the server''s files or programs'
    else 'owns tenant tables' end, r.rolname, me.rolname)
  from me join pg_catalog.pg_roles r on r.oid <> me.oid
    and not me.rolsuper and pg_catalog.pg_has_role(me.oid, r.oid, 'MEMBER')
  where r.rolname <> $2
    and (r.rolsuper or r.rolbypassrls
    or r.rolname in ('watertight_owner', 'watertight_context', 'watertight_migrator', 'watertight_app', 'watertight_system', 'watertight_support', 'watertight_lifecycle')
    or r.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
    or exists (select from tenant_table t where t.relowner = r.oid))
union all
select 'role', format('role %I owns tenant tables, such as %s (alter table … owner to watertight_owner)', me.rolname, min(t.oid::regclass::text))
  from me join tenant_table t on t.relowner = me.oid
  where not me.rolsuper group by me.rolname
union all
select 'role', format('role %I is not a member of %s (grant %s to %I)', me.rolname, $2::text, $2::text, me.rolname)
  from me where not me.rolsuper and to_regrole($2::text) is not null
    and not pg_catalog.pg_has_role(me.oid, to_regrole($2::text), 'USAGE')
union all
select 'schema', 'the watertight schema is not installed (run watertight migrate, or schema.Migrate)'
  where not exists ( -- not by to_regprocedure: a role without USAGE on the schema gets an error from that
    select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'watertight' and p.proname = 'enter')
union all
select 'schema', format('%s has no row-level security (select watertight.protect(%L))', oid::regclass, oid::regclass::text)
  from reachable where not relrowsecurity
union all
select 'schema', format('%s does not force row-level security on its owner (select watertight.protect(%L))', oid::regclass, oid::regclass::text)
  from reachable where relrowsecurity and not relforcerowsecurity
union all
select 'schema', format('%s has no policy for this role (select watertight.protect(%L))', r.oid::regclass, r.oid::regclass::text)
  from reachable r where r.relrowsecurity and not exists (
    select from pg_catalog.pg_policy p where p.polrelid = r.oid and p.polpermissive
      and exists (select from unnest(p.polroles) as o(oid) where o.oid = 0 or pg_catalog.pg_has_role(current_user, o.oid, 'USAGE')))
union all
select 'schema', format('policy %I on %s does not compare with %s (drop it, then select watertight.protect(%L))', p.polname, r.oid::regclass, $3::text, r.oid::regclass::text)
  from reachable r join pg_catalog.pg_policy p on p.polrelid = r.oid and p.polpermissive
  where exists (select from unnest(p.polroles) as o(oid) where o.oid = 0 or pg_catalog.pg_has_role(current_user, o.oid, 'USAGE'))
    and (coalesce(pg_catalog.pg_get_expr(p.polqual, p.polrelid), $3) not like '%' || $3 || '%'
      or coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), $3) not like '%' || $3 || '%')
union all
select 'schema', format('this role may TRUNCATE, reference or put triggers on %s (revoke truncate, references, trigger on %s from …)', oid::regclass, oid::regclass)
  from reachable where pg_catalog.has_table_privilege(current_user, oid, 'TRUNCATE, REFERENCES, TRIGGER')
union all
select 'schema', 'the database is a Citus cluster, and the schema is made for one server: its workers would not learn the tenant (watertight migrate --profile citus)'
  from citus where not profile
union all
select 'schema', format('role %I does not send the tenant to the workers of the Citus cluster (alter role %I set citus.propagate_set_commands = ''local'')', session_user, session_user)
  from citus where profile and current_setting('citus.propagate_set_commands', true) is distinct from 'local'
union all
select 'schema', 'the workers of a Citus cluster verify a context in sessions of their own, where one that is bound to this session is not valid (set Config.Binding to BindNone)'
  from citus where profile and $4
union all
select 'schema', format('policy %I on %s is restrictive, and Citus makes it permissive on the shards, so that it adds rows (drop it, then select watertight.protect(%L))', p.polname, t.oid::regclass, t.oid::regclass::text)
  from citus, tenant_table t join pg_catalog.pg_policy p on p.polrelid = t.oid and not p.polpermissive
order by 1, 2
