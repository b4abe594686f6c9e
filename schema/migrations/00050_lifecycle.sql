-- +goose Up
-- The tenant as a unit: the role that exports, restores and erases one tenant
-- at a time. It reaches tenant tables through the same comparison as the
-- application, so an import cannot write, and an erasure cannot delete, a row
-- of another tenant, whatever its statements say.

-- +goose StatementBegin
do $$
begin
  begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'watertight_lifecycle') then
      create role watertight_lifecycle nologin nosuperuser nocreatedb nocreaterole noreplication noinherit;
    end if;
  exception when duplicate_object or unique_violation then
    null; -- another database of the cluster made it at this moment
  end;
end $$;
-- +goose StatementEnd
grant usage on schema watertight to watertight_lifecycle;
grant execute on function watertight.enter(text), watertight.tenant(), watertight.challenge(), watertight.actor() to watertight_lifecycle;
grant select on watertight.limitation to watertight_lifecycle;

-- +goose StatementBegin
create function watertight.restoring() returns boolean
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(current_setting('watertight.context', true), '') <> ''
    and (watertight.actor()->>'role') = 'lifecycle'
    and pg_has_role(session_user, 'watertight_lifecycle', 'member');
end $$;
-- +goose StatementEnd
comment on function watertight.restoring() is
  'True while the rows of a tenant are put back or erased as a whole. A trigger of a team''s own that must leave rows as they were says: when (not watertight.restoring()).';
alter function watertight.restoring() owner to watertight_context;
revoke all on function watertight.restoring() from public;
grant execute on function watertight.restoring() to
  watertight_owner, watertight_audit, watertight_app, watertight_system, watertight_lifecycle, watertight_migrator;

-- A tenant that is being moved, or is to be erased, is closed to whoever was
-- admitted before as well: its context is refused. Only the role above works on.
alter table watertight.tenants drop constraint tenants_status_check;
alter table watertight.tenants add constraint tenants_status_check
  check (status in ('active', 'suspended', 'closing', 'moving'));

-- Nobody is given one of the roles that these contexts carry.
alter table watertight.memberships add constraint role_of_no_operator check (role not in ('lifecycle', 'operator'));

-- +goose StatementBegin
create or replace function watertight.tenant() returns uuid
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
declare
  token text := current_setting('watertight.context', true);
  scope text;
  until text;
  shut  text;
begin
  -- What context() verifies, in one statement and with the tenant's status: every
  -- policy calls this in every statement. What is not plainly valid goes to
  -- context(), which says why not. The planner may evaluate the
  -- cast before the token was verified, so only what looks like a uuid is cast.
  select split_part(token, '.', 3), split_part(token, '.', 4),
      (select t.status from watertight.tenants t where t.id =
        case when split_part(token, '.', 3) ~ '\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z' then split_part(token, '.', 3)::uuid end)
    into scope, until, shut
    from watertight.context_key
    where kid = split_part(token, '.', 2) and not_after > transaction_timestamp()
      and sha256(okey || convert_to(split_part(token, '.', -1), 'UTF8')) =
        sha256(okey || convert_to(encode(sha256(okey || sha256(ikey || convert_to(left(token, -65) || '|' ||
          case split_part(token, '.', 5)
            when 's' then pg_backend_pid()::text
            when 'x' then pg_backend_pid()::text || ',' || (extract(epoch from transaction_timestamp()) * 1000000)::bigint::text
            when 'u' then ''
          end, 'UTF8'))), 'hex'), 'UTF8'));
  if scope is null or until::bigint < extract(epoch from transaction_timestamp()) then
    scope := (watertight.context())[3];
  end if;
  if scope in ('all', 'list') then
    raise exception 'the context names no tenant'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  if shut in ('moving', 'closing') and not pg_has_role(session_user, 'watertight_lifecycle', 'member') then
    raise exception 'the tenant is %', shut
      using errcode = '42501', constraint = 'watertight_tenant_' || shut;
  end if;
  return scope::uuid;
end $$;
-- +goose StatementEnd

-- A data key that is put back has the number and the state it had.
drop trigger guard on watertight.tenant_keys;
create trigger guard before update or delete on watertight.tenant_keys
  for each row execute function watertight.guard_tenant_key();
create trigger guard_new before insert on watertight.tenant_keys
  for each row when (not watertight.restoring()) execute function watertight.guard_tenant_key();
alter table watertight.tenant_keys enable always trigger guard, enable always trigger guard_new;

-- Rows that are put back or erased as a whole leave one event in the
-- platform's log, not one each: an import must not pretend that its rows were
-- written today, and an erasure must not copy what it erases into the log.
-- +goose StatementBegin
create or replace function watertight.audit_row(p_op text, t uuid, p_entity text, p_entity_id text, p_diff text) returns void
  language plpgsql
as $$
declare
  part  text[];
  who   jsonb;
  label text;
begin
  if coalesce(current_setting('watertight.context', true), '') = '' then
    perform watertight.audit_put_direct(t, p_op, 'sql', p_entity, p_entity_id, ('{' || p_diff || '}')::json);
    return;
  end if;
  part := watertight.audit_context();
  -- A second line of defence behind row-level security.
  if part[3] <> 'all' and part[3] <> t::text then
    raise exception 'a row of another tenant was written to %', p_entity
      using errcode = '42501', constraint = 'watertight_audit_tenant';
  end if;
  who := convert_from(decode(part[7], 'base64'), 'UTF8')::jsonb;
  if coalesce(who->>'version', '') = '' or coalesce(who->>'user', who->>'email', '') = '' then
    raise exception 'the context names no actor or no application version'
      using errcode = '42501', constraint = 'watertight_audit_actor';
  end if;
  if who->>'role' = 'lifecycle' and watertight.restoring() then
    return;
  end if;
  label := substring(current_query() from '\A-- name: ([A-Za-z0-9_]{1,63}) ');
  insert into watertight.audit_event (tenant_id, op, action, query, actor_kind, actor_id, actor_email, ip,
      app_version, request_id, grant_id, entity, entity_id, entity_key, reason, diff)
    values (t, p_op, part[6], nullif(label, part[6]),
      case when part[3] = 'all' then 'system' else who->>'kind' end,
      who->>'user', who->>'email', (who->>'ip')::inet, who->>'version', who->>'request', (who->>'grant')::uuid,
      p_entity, p_entity_id, watertight.audit_key(t, p_entity, p_entity_id), who->>'reason', ('{' || p_diff || '}')::json);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.lifecycle_note(action text, details json, own boolean default false) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.audit_context();
begin
  if not watertight.restoring() then
    raise exception 'the context is not one of work on a tenant as a whole'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  if action !~ '^watertight\.(exporting|exported|imported|closing|reopened|erasing|erased|moving|moved|person)$' then
    raise exception 'no such action of a tenant''s life cycle: %', action using errcode = '22023';
  end if;
  perform watertight.audit_put(part, watertight.audit_claims(part),
    case when own then part[3] else '00000000-0000-0000-0000-000000000000' end::uuid, action, 'tenant', part[3], details);
end $$;
-- +goose StatementEnd
comment on function watertight.lifecycle_note(text, json, boolean) is
  'Records what is done to the context''s tenant as a whole, in the platform''s log or in the tenant''s own.';

-- +goose StatementBegin
create function watertight.lifecycle_erase_log() returns bigint
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not watertight.restoring() then
    raise exception 'the context is not one of work on a tenant as a whole'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  return watertight.audit_erase((watertight.audit_context())[3]::uuid);
end $$;
-- +goose StatementEnd
comment on function watertight.lifecycle_erase_log() is
  'Deletes the log of the context''s tenant, which must be closing. The platform''s log keeps its final size and root.';

-- +goose StatementBegin
do $$
declare
  f text;
begin
  foreach f in array '{"lifecycle_note(text,json,boolean)","lifecycle_erase_log()"}'::text[] loop
    execute format('alter function watertight.%s owner to watertight_audit', f);
    execute format('revoke all on function watertight.%s from public', f);
    execute format('grant execute on function watertight.%s to watertight_lifecycle', f);
  end loop;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.lifecycle_defer() returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- Foreign keys that can wait are looked at when the transaction commits, so
  -- that rows which refer to each other can be put back one after the other.
  set constraints all deferred;
end $$;
-- +goose StatementEnd
comment on function watertight.lifecycle_defer() is 'Defers the constraints that can be deferred until the end of the transaction.';
alter function watertight.lifecycle_defer() owner to watertight_owner;
revoke all on function watertight.lifecycle_defer() from public;
grant execute on function watertight.lifecycle_defer() to watertight_lifecycle;

-- The log that the role exports, its own tenant's only.
-- +goose StatementBegin
do $$
declare
  t text;
begin
  foreach t in array '{audit_event,audit_tree,audit_checkpoint,audit_retention}'::text[] loop
    delete from watertight.protected_table where relid = ('watertight.' || t)::regclass;
    execute format('create policy lifecycle on watertight.%s for select to watertight_lifecycle using (tenant_id = %s)', t,
      case when exists (select from pg_catalog.pg_extension where extname = 'citus')
        then 'watertight.tenant()' else '(select watertight.tenant())' end);
    execute format('grant select on watertight.%s to watertight_lifecycle', t);
    insert into watertight.protected_table
      values (('watertight.' || t)::regclass, 'log', null, watertight.policies_of(('watertight.' || t)::regclass));
  end loop;
end $$;
-- +goose StatementEnd

-- protect() gives a table the role's policy beside the others.
-- +goose StatementBegin
create function watertight.lifecycle_ddl(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  tenant  text := case when exists (select from pg_extension where extname = 'citus') then 'watertight.tenant()' else '(select watertight.tenant())' end;
  columns text;
  item    record;
begin
  return next format('grant usage on schema %s to watertight_lifecycle', (select relnamespace::regnamespace from pg_class where oid = rel));
  return next format('drop policy if exists lifecycle on %s', rel);
  return next format('create policy lifecycle on %s for all to watertight_lifecycle using (%I = %s) with check (%I = %s)',
    rel, tenant_column, tenant, tenant_column, tenant);
  return next format('revoke all on table %s from watertight_lifecycle', rel);
  return next format('grant select, insert, delete on table %s to watertight_lifecycle', rel);
  select string_agg(quote_ident(attname), ', ' order by attnum) into columns
    from pg_attribute
    where attrelid = rel and attnum > 0 and not attisdropped and attgenerated = '' and attname <> tenant_column;
  if columns is not null then
    return next format('grant update (%s) on table %s to watertight_lifecycle', columns, rel);
  end if;
  for item in -- numbers that rows were put back with are not given out again
    select d.objid::regclass as name from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.classid = 'pg_class'::regclass and d.refobjid = rel and d.deptype in ('a', 'i')
    order by 1
  loop
    return next format('grant usage, select, update on sequence %s to watertight_lifecycle', item.name);
  end loop;
end $$;
-- +goose StatementEnd
comment on function watertight.lifecycle_ddl(regclass, name) is
  'The part of protect_ddl() that lets a tenant be exported, put back and erased as a whole.';
alter function watertight.lifecycle_ddl(regclass, name) owner to watertight_owner;
revoke all on function watertight.lifecycle_ddl(regclass, name) from public;
grant execute on function watertight.lifecycle_ddl(regclass, name) to watertight_migrator;

alter function watertight.protect_ddl(regclass, name) rename to protect_ddl_access;
-- +goose StatementBegin
create or replace function watertight.protect_ddl(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select watertight.protect_ddl_access(rel, tenant_column);
  return query select watertight.lifecycle_ddl(rel, tenant_column);
end $$;
-- +goose StatementEnd
comment on function watertight.protect_ddl(regclass, name) is
  'The statements that protect() runs, for teams that review them.';
alter function watertight.protect_ddl(regclass, name) owner to watertight_owner;
revoke all on function watertight.protect_ddl(regclass, name) from public;
grant execute on function watertight.protect_ddl(regclass, name) to watertight_migrator;

-- What was protected before gets the policy here.
-- +goose StatementBegin
do $$
declare
  p         record;
  statement text;
begin
  for p in select * from watertight.protected_table where kind = 'tenant' loop
    delete from watertight.protected_table where relid = p.relid;
    for statement in select watertight.lifecycle_ddl(p.relid, p.tenant_column) loop
      execute statement;
    end loop;
    insert into watertight.protected_table values (p.relid, p.kind, p.tenant_column, watertight.policies_of(p.relid));
  end loop;
end $$;
-- +goose StatementEnd

-- Which tenant tables an export leaves out, and why. One that is not named
-- here is exported; one that cannot be is an error.
create table watertight.export_exclusion (
  relid  regclass primary key,
  reason text not null check (length(reason) >= 10)
);
comment on table watertight.export_exclusion is
  'Tenant tables whose rows stand in no export, such as signed-in sessions, and the reason. They are erased like the others.';
create policy lifecycle on watertight.export_exclusion for select to watertight_lifecycle using (true);
select watertight.share('watertight.export_exclusion');
grant insert, update, delete on watertight.export_exclusion to watertight_migrator;
grant select on watertight.export_exclusion, watertight.protected_table to watertight_lifecycle;

-- +goose StatementBegin
create function watertight.not_exported(rel regclass, reason text) returns void
  language sql set search_path = pg_catalog, pg_temp
begin atomic
  insert into watertight.export_exclusion values (rel, reason)
    on conflict (relid) do update set reason = excluded.reason;
end;
-- +goose StatementEnd
comment on function watertight.not_exported(regclass, text) is
  'Leaves a tenant table out of exports, for a reason of at least ten characters.';
alter function watertight.not_exported(regclass, text) owner to watertight_owner;
revoke all on function watertight.not_exported(regclass, text) from public;
grant execute on function watertight.not_exported(regclass, text) to watertight_migrator;

-- +goose StatementBegin
do $$
declare
  item record;
begin
  for item in select * from (values
    ('watertight.sessions', 'signed-in sessions end with the place that they were opened in'),
    ('watertight.api_keys', 'a copy of a tenant must not let programs in: keys are made anew')) as v(name, reason)
  loop
    if to_regclass(item.name) is not null then
      perform watertight.not_exported(item.name::regclass, item.reason);
    end if;
  end loop;
end $$;
-- +goose StatementEnd

-- The log that came with an imported tenant, as it was sealed at its source:
-- a document beside the new log, which begins with the import.
create table watertight.kept_logs (
  tenant_id uuid not null references watertight.tenants (id),
  log_no    int not null check (log_no > 0),
  part_no   int not null check (part_no > 0),
  data      bytea not null,
  primary key (tenant_id, log_no, part_no)
);
comment on table watertight.kept_logs is
  'Audit logs of a tenant from where it was imported from, in parts: each a bundle that watertight audit verify reads.';
select watertight.protect('watertight.kept_logs');
revoke insert, update, delete on watertight.kept_logs from watertight_app;

-- +goose Down
drop table watertight.kept_logs;
delete from watertight.protected_table where relid not in (select oid from pg_catalog.pg_class);
drop function watertight.not_exported(regclass, text);
delete from watertight.protected_table where relid = 'watertight.export_exclusion'::regclass;
drop table watertight.export_exclusion;
drop function watertight.protect_ddl(regclass, name);
alter function watertight.protect_ddl_access(regclass, name) rename to protect_ddl;
drop function watertight.lifecycle_ddl(regclass, name);
-- +goose StatementBegin
do $$
declare
  p record;
  s record;
begin
  for p in select * from watertight.protected_table where kind in ('tenant', 'log') loop
    delete from watertight.protected_table where relid = p.relid;
    execute format('drop policy if exists lifecycle on %s', p.relid::regclass);
    execute format('revoke all on table %s from watertight_lifecycle', p.relid::regclass);
    for s in select d.objid::regclass as name from pg_catalog.pg_depend d join pg_catalog.pg_class c on c.oid = d.objid and c.relkind = 'S'
      where d.classid = 'pg_class'::regclass and d.refobjid = p.relid and d.deptype in ('a', 'i')
    loop
      execute format('revoke all on sequence %s from watertight_lifecycle', s.name);
    end loop;
    execute format('revoke usage on schema %s from watertight_lifecycle', (select relnamespace::regnamespace from pg_catalog.pg_class where oid = p.relid));
    insert into watertight.protected_table values (p.relid, p.kind, p.tenant_column, watertight.policies_of(p.relid));
  end loop;
end $$;
-- +goose StatementEnd
drop function watertight.lifecycle_defer();
drop function watertight.lifecycle_erase_log();
drop function watertight.lifecycle_note(text, json, boolean);
-- +goose StatementBegin
create or replace function watertight.audit_row(p_op text, t uuid, p_entity text, p_entity_id text, p_diff text) returns void
  language plpgsql
as $$
declare
  part  text[];
  who   jsonb;
  label text;
begin
  if coalesce(current_setting('watertight.context', true), '') = '' then
    perform watertight.audit_put_direct(t, p_op, 'sql', p_entity, p_entity_id, ('{' || p_diff || '}')::json);
    return;
  end if;
  part := watertight.audit_context();
  -- A second line of defence behind row-level security.
  if part[3] <> 'all' and part[3] <> t::text then
    raise exception 'a row of another tenant was written to %', p_entity
      using errcode = '42501', constraint = 'watertight_audit_tenant';
  end if;
  who := convert_from(decode(part[7], 'base64'), 'UTF8')::jsonb;
  if coalesce(who->>'version', '') = '' or coalesce(who->>'user', who->>'email', '') = '' then
    raise exception 'the context names no actor or no application version'
      using errcode = '42501', constraint = 'watertight_audit_actor';
  end if;
  label := substring(current_query() from '\A-- name: ([A-Za-z0-9_]{1,63}) ');
  insert into watertight.audit_event (tenant_id, op, action, query, actor_kind, actor_id, actor_email, ip,
      app_version, request_id, grant_id, entity, entity_id, entity_key, reason, diff)
    values (t, p_op, part[6], nullif(label, part[6]),
      case when part[3] = 'all' then 'system' else who->>'kind' end,
      who->>'user', who->>'email', (who->>'ip')::inet, who->>'version', who->>'request', (who->>'grant')::uuid,
      p_entity, p_entity_id, watertight.audit_key(t, p_entity, p_entity_id), who->>'reason', ('{' || p_diff || '}')::json);
end $$;
-- +goose StatementEnd
drop trigger guard_new on watertight.tenant_keys;
drop trigger guard on watertight.tenant_keys;
create trigger guard before insert or update or delete on watertight.tenant_keys
  for each row execute function watertight.guard_tenant_key();
alter table watertight.tenant_keys enable always trigger guard;
-- +goose StatementBegin
create or replace function watertight.tenant() returns uuid
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.context();
begin
  if part[3] in ('all', 'list') then
    raise exception 'the context names no tenant'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  return part[3]::uuid;
end $$;
-- +goose StatementEnd
alter table watertight.memberships drop constraint role_of_no_operator;
update watertight.tenants set status = 'suspended' where status = 'moving';
alter table watertight.tenants drop constraint tenants_status_check;
alter table watertight.tenants add constraint tenants_status_check
  check (status in ('active', 'suspended', 'closing'));
drop function watertight.restoring();
revoke select on watertight.protected_table, watertight.limitation from watertight_lifecycle;
revoke execute on function watertight.enter(text), watertight.tenant(), watertight.challenge(), watertight.actor() from watertight_lifecycle;
revoke usage on schema watertight from watertight_lifecycle;
-- +goose StatementBegin
do $$
begin
  drop role if exists watertight_lifecycle;
exception when dependent_objects_still_exist or object_in_use or insufficient_privilege then
  raise notice 'role watertight_lifecycle is still in use and stays';
end $$;
-- +goose StatementEnd
