-- +goose Up
-- Roles, the schema, and what PUBLIC loses. Runs as a superuser, or as the
-- admin role of a managed service: what such a role may not do is recorded in
-- watertight.limitation with its consequence, and the migration goes on.

-- +goose StatementBegin
do $$
declare
  r record;
begin
  -- Roles belong to the cluster: another database of it may have made them,
  -- or may be making them at this moment (unique_violation).
  for r in select * from (values
    ('watertight_owner',    'nologin'),   -- owns tables and functions; nobody logs in
    ('watertight_context',  'nologin'),   -- owns the context keys and what reads them
    ('watertight_app',      'login'),     -- the application
    ('watertight_system',   'login'),     -- tenancy/crosstenant
    ('watertight_support',  'nologin'),
    ('watertight_sealer',   'nologin'),
    ('watertight_privacy',  'nologin')) as v(name, login)
  loop
    begin
      if not exists (select from pg_catalog.pg_roles where rolname = r.name) then
        execute format('create role %I %s nosuperuser nocreatedb nocreaterole noreplication noinherit', r.name, r.login);
      end if;
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
  begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'watertight_migrator') then
      begin
        create role watertight_migrator login bypassrls;
      exception when insufficient_privilege then
        create role watertight_migrator login;
      end;
    end if;
  exception when duplicate_object or unique_violation then
    null;
  end;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
do $$
declare
  owner name;
begin
  -- The migrating role hands objects over to their owners, and the migrator
  -- acts for the owner. A superuser needs no membership for that.
  -- (From PostgreSQL 16 on, having made a role does not include acting as it.)
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    foreach owner in array '{watertight_owner,watertight_context}'::name[] loop
      execute format('grant %I to %I', owner, current_user);
    end loop;
  end if;
  if not pg_catalog.pg_has_role('watertight_migrator', 'watertight_owner', 'member') then
    begin
      grant watertight_owner to watertight_migrator;
    exception when unique_violation then
      null;
    end;
  end if;
end $$;
-- +goose StatementEnd

create schema if not exists watertight;
alter schema watertight owner to watertight_owner;
revoke all on schema watertight from public;
grant create on schema watertight to watertight_context;
grant usage on schema watertight to
  watertight_context, watertight_migrator, watertight_app, watertight_system,
  watertight_support, watertight_sealer, watertight_privacy;

create table watertight.limitation (
  id          text primary key,
  what        text not null,
  consequence text not null
);
comment on table watertight.limitation is
  'What the migrating role was not allowed to do in this database, and what that costs.';
alter table watertight.limitation owner to watertight_owner;
grant select on watertight.limitation to watertight_app, watertight_migrator;

-- +goose StatementBegin
create function watertight.secure_database() returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  db   name := current_database();
  item record;
  left_open text[] := '{}';
begin
  -- The database's own list. CREATE DATABASE … TEMPLATE does not copy it, so
  -- this function is also what a restored or cloned database runs again.
  begin
    execute format('revoke all on database %I from public', db);
    execute format('grant connect on database %I to watertight_app, watertight_system, watertight_migrator', db);
    execute format('grant create on database %I to watertight_migrator', db);
  exception when insufficient_privilege then
    null; -- seen below
  end;
  if has_database_privilege('watertight_app', db, 'TEMP') then
    insert into watertight.limitation values ('database-temp',
      'revoke TEMP on the database from PUBLIC',
      'the application role can create temporary tables, which unqualified names resolve to first: schema-qualify every name')
      on conflict do nothing;
  else
    delete from watertight.limitation where id = 'database-temp';
  end if;

  begin
    execute 'revoke all on schema public from public';
  exception when insufficient_privilege or undefined_object or invalid_schema_name then
    null;
  end;

  -- Functions that show or touch other sessions, run SQL hidden in a string,
  -- keep data that has no tenant, or change a setting for later transactions
  -- of the same connection. set_config is what makes replay of a captured
  -- context impossible: without it only watertight.enter sets the context.
  for item in
    select p.oid::regprocedure as f from pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace
      and (p.proname in (
        'set_config', 'setseed', 'pg_notify',
        'pg_stat_get_activity', 'pg_stat_get_backend_activity', 'pg_stat_get_backend_idset',
        'pg_lock_status', 'pg_prepared_xact', 'currtid2',
        'pg_terminate_backend', 'pg_cancel_backend',
        'query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema',
        'table_to_xml', 'table_to_xmlschema', 'table_to_xml_and_xmlschema',
        'schema_to_xml', 'schema_to_xmlschema', 'schema_to_xml_and_xmlschema',
        'database_to_xml', 'database_to_xmlschema', 'database_to_xml_and_xmlschema',
        'cursor_to_xml', 'cursor_to_xmlschema', 'ts_stat', 'loread', 'lowrite')
        or (p.proname = 'ts_rewrite' and p.pronargs = 2)
        or p.proname ~ '^lo_' or p.proname ~ '^pg_(try_)?advisory_')
      and has_function_privilege('watertight_app', p.oid, 'EXECUTE')
  loop
    begin
      execute format('revoke execute on function %s from public', item.f);
      execute format('grant execute on function %s to watertight_owner, watertight_context, watertight_migrator', item.f);
    exception when insufficient_privilege then
      null;
    end;
    if has_function_privilege('watertight_app', item.f, 'EXECUTE') then
      left_open := left_open || item.f::text;
    end if;
  end loop;
  delete from watertight.limitation where id in ('catalog-functions', 'set-config');
  if exists (select from unnest(left_open) f where f ~ '^set_config\(') then
    insert into watertight.limitation values ('set-config',
      'revoke EXECUTE on pg_catalog.set_config from PUBLIC',
      'SQL injected into one tenant''s statement can change settings for later transactions of the connection, and could replay another tenant''s context if it had captured one on the same connection within the last 60 seconds; use the strict binding to rule that out');
  end if;
  if exists (select from unnest(left_open) f where f !~ '^set_config\(') then
    insert into watertight.limitation values ('catalog-functions',
      'revoke EXECUTE on catalog functions from PUBLIC: ' || array_to_string(array(select f from unnest(left_open) f where f !~ '^set_config\(' order by f limit 8), ', ') || ' …',
      'the application role can see that other sessions exist, take advisory locks, store large objects and run SQL held in strings (row-level security still applies to what those read)');
  end if;

  left_open := '{}';
  for item in
    select c.oid::regclass as v from pg_class c
    where c.relnamespace = 'pg_catalog'::regnamespace
      and c.relname in ('pg_stats', 'pg_stats_ext', 'pg_stats_ext_exprs', 'pg_stat_activity', 'pg_locks',
        'pg_prepared_xacts', 'pg_stat_all_tables', 'pg_stat_user_tables', 'pg_stat_sys_tables',
        'pg_stat_xact_all_tables', 'pg_stat_xact_user_tables', 'pg_statio_all_tables', 'pg_statio_user_tables',
        'pg_largeobject_metadata')
      and has_table_privilege('watertight_app', c.oid, 'SELECT')
    order by c.relname
  loop
    begin
      execute format('revoke select on %s from public', item.v);
      execute format('grant select on %s to pg_monitor, watertight_migrator', item.v);
    exception when insufficient_privilege then
      null;
    end;
    if has_table_privilege('watertight_app', item.v, 'SELECT') then
      left_open := left_open || item.v::text;
    end if;
  end loop;
  delete from watertight.limitation where id = 'catalog-views';
  if left_open <> '{}' then
    insert into watertight.limitation values ('catalog-views',
      'revoke SELECT on ' || array_to_string(left_open, ', ') || ' from PUBLIC',
      'the application role can see activity and volume figures of all tenants together (no row values)');
  end if;

  delete from watertight.limitation where id = 'migrator-bypassrls';
  if not (select rolbypassrls from pg_roles where rolname = 'watertight_migrator') then
    insert into watertight.limitation values ('migrator-bypassrls',
      'give the role watertight_migrator BYPASSRLS',
      'a foreign key added by a migration to a table with rows is validated against the rows that row-level security shows to the migrator, which is none: check such keys with a role that has BYPASSRLS');
  end if;
end $$;
-- +goose StatementEnd
comment on function watertight.secure_database() is
  'Takes from PUBLIC what shows or touches other sessions, and records what it was not allowed to take. Run again after a restore or a clone.';
-- Owned by the migrating role: only a role that owns the catalog's functions can take them from PUBLIC.
revoke all on function watertight.secure_database() from public;
select watertight.secure_database();

-- +goose StatementBegin
do $$
declare
  r name;
begin
  -- Every name in the application's SQL is qualified; a temporary or planted
  -- object can then shadow nothing. The timeouts bound what one statement of
  -- one tenant can hold.
  foreach r in array '{watertight_app,watertight_system}'::name[] loop
    if not exists (
      select from pg_catalog.pg_db_role_setting s join pg_catalog.pg_roles o on o.oid = s.setrole
      where o.rolname = r and s.setdatabase = 0)
    then
      begin
        execute format('alter role %I set search_path = ''''', r);
        execute format('alter role %I set lock_timeout = ''5s''', r);
        execute format('alter role %I set idle_in_transaction_session_timeout = ''60s''', r);
      exception when insufficient_privilege or internal_error then
        null; -- internal_error: another database of the cluster sets the same at this moment
      end;
    end if;
  end loop;
end $$;
-- +goose StatementEnd

-- +goose Down
drop function watertight.secure_database();
drop table watertight.limitation;
-- +goose StatementBegin
do $$
declare
  item record;
  r    name;
begin
  for item in
    select p.oid::regprocedure as f from pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace and p.proacl is not null
      and has_function_privilege('watertight_context', p.oid, 'EXECUTE')
      and not has_function_privilege('watertight_app', p.oid, 'EXECUTE')
  loop
    begin
      execute format('revoke execute on function %s from watertight_owner, watertight_context, watertight_migrator', item.f);
      execute format('grant execute on function %s to public', item.f);
    exception when insufficient_privilege then
      null;
    end;
  end loop;
  for item in
    select c.oid::regclass as v from pg_class c
    where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'v' and c.relacl is not null
      and has_table_privilege('watertight_migrator', c.oid, 'SELECT')
      and not has_table_privilege('watertight_app', c.oid, 'SELECT')
  loop
    begin
      execute format('revoke select on %s from pg_monitor, watertight_migrator', item.v);
      execute format('grant select on %s to public', item.v);
    exception when insufficient_privilege then
      null;
    end;
  end loop;
  begin
    execute format('revoke all on database %I from watertight_app, watertight_system, watertight_migrator', current_database());
    execute format('grant connect, temporary on database %I to public', current_database());
  exception when insufficient_privilege then
    null;
  end;
  execute 'grant usage on schema public to public';
exception when invalid_schema_name then
  null;
end $$;
-- +goose StatementEnd
revoke all on schema watertight from
  watertight_context, watertight_migrator, watertight_app, watertight_system,
  watertight_support, watertight_sealer, watertight_privacy;
-- +goose StatementBegin
do $$
declare
  r name;
begin
  execute format('alter schema watertight owner to %I', current_user);
  -- A role that another database of the cluster still uses stays.
  foreach r in array '{watertight_migrator,watertight_app,watertight_system,watertight_support,watertight_sealer,watertight_privacy,watertight_context,watertight_owner}'::name[] loop
    begin
      execute format('drop role if exists %I', r);
    exception when dependent_objects_still_exist or object_in_use or insufficient_privilege then
      raise notice 'role % is still in use and stays', r;
    end;
  end loop;
end $$;
-- +goose StatementEnd
