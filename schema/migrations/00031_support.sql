-- +goose Up
-- Support looks into a tenant on the tenant's own request: a grant that its
-- owner or admin makes, for one named person, for at most 72 hours. See
-- docs/design/033-support.md.

create table watertight.support_staff (
  id         uuid primary key,
  email      text not null check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and length(email) <= 254),
  name       text not null check (length(name) between 1 and 200),
  active     boolean not null default true,
  created_at timestamptz not null default now()
);
create unique index support_staff_email on watertight.support_staff (lower(email));
comment on table watertight.support_staff is
  'The platform''s support people, each by name: tenants choose from them whom they let in.';
select watertight.share('watertight.support_staff');

create table watertight.support_grants (
  tenant_id  uuid not null references watertight.tenants (id),
  id         uuid not null,
  staff_id   uuid not null references watertight.support_staff (id),
  mode       text not null check (mode in ('read', 'write')),
  reason     text not null check (length(btrim(reason)) between 5 and 500),
  granted_by uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_by uuid,
  primary key (tenant_id, id),
  constraint at_most_72_hours check (expires_at > created_at and expires_at <= created_at + interval '72 hours')
);
comment on table watertight.support_grants is
  'Whom a tenant let in: made and revoked by its own owners and admins, never changed otherwise.';
select watertight.protect('watertight.support_grants');

-- Whatever the queries say: a grant is made and ended, from inside the tenant.
revoke insert, update, delete on watertight.support_grants from watertight_app, watertight_system;
grant insert (tenant_id, id, staff_id, mode, reason, granted_by, expires_at), update (revoked_at, revoked_by)
  on watertight.support_grants to watertight_app;

-- +goose StatementBegin
create function watertight.guard_support_grant() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  who jsonb;
begin
  if tg_op = 'INSERT' and current_user <> 'watertight_app' then
    -- A copy of a tenant lets nobody in: what is put back has ended.
    new.revoked_at := coalesce(new.revoked_at, now());
    return new;
  end if;
  who := watertight.actor();
  if who->>'kind' is distinct from 'user' or coalesce(who->>'role', '') not in ('owner', 'admin') then
    raise exception 'only an owner or an admin of the tenant grants and revokes support access'
      using errcode = '42501', constraint = 'watertight_support_grant';
  end if;
  if tg_op = 'INSERT' then
    new.granted_by := (who->>'user')::uuid;
    return new;
  end if;
  if old.revoked_at is not null then
    raise exception 'a grant that was revoked stays so'
      using errcode = '42501', constraint = 'watertight_support_grant';
  end if;
  new.revoked_at := clock_timestamp();
  new.revoked_by := (who->>'user')::uuid;
  return new;
end $$;
-- +goose StatementEnd
alter function watertight.guard_support_grant() owner to watertight_owner;
revoke all on function watertight.guard_support_grant() from public;
create trigger guard before insert or update on watertight.support_grants for each row execute function watertight.guard_support_grant();
alter table watertight.support_grants enable always trigger guard;

-- Nobody is given the role that a support context carries.
alter table watertight.memberships add constraint role_of_no_support check (role <> 'support');
alter table watertight.api_keys add constraint role_of_no_support check (role <> 'support');

-- The check of a grant reads both tables; the platform keeps the list of people.
-- +goose StatementBegin
do $$
declare
  t   text;
  p   watertight.protected_table;
begin
  foreach t in array '{support_staff,support_grants}'::text[] loop
    delete from watertight.protected_table where relid = ('watertight.' || t)::regclass returning * into p;
    execute format('create policy support_check on watertight.%s for select to watertight_context using (true)', t);
    if t = 'support_staff' then
      execute format('create policy crosstenant on watertight.%s for all to watertight_system using (%s) with check (%2$s)', t,
        case when exists (select from pg_catalog.pg_extension where extname = 'citus')
          then 'watertight.crosstenant()' else '(select watertight.crosstenant())' end);
    end if;
    insert into watertight.protected_table values (p.relid, p.kind, p.tenant_column, watertight.policies_of(p.relid));
  end loop;
end $$;
-- +goose StatementEnd
grant select on watertight.support_staff, watertight.support_grants to watertight_context;
grant insert (id, email, name), update (active) on watertight.support_staff to watertight_system;

-- +goose StatementBegin
create function watertight.support_tenant(writing boolean) returns uuid
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.context();
  who  jsonb  := convert_from(decode(part[7], 'base64'), 'UTF8')::jsonb;
  t    uuid;
begin
  if part[3] in ('all', 'list') or who->>'kind' is distinct from 'support' then
    raise exception 'the context is not one of support'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  -- A snapshot that is older than the statement would not show a revocation.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'support works in READ COMMITTED transactions only'
      using errcode = '42501', constraint = 'watertight_support_grant';
  end if;
  select g.tenant_id into t
    from watertight.support_grants g
    join watertight.support_staff s on s.id = g.staff_id
    join watertight.tenants n on n.id = g.tenant_id
    where g.tenant_id = part[3]::uuid and g.id = (who->>'grant')::uuid and g.staff_id = (who->>'user')::uuid
      and g.revoked_at is null and g.created_at <= clock_timestamp() and g.expires_at > clock_timestamp()
      and (g.mode = 'write' or not writing) and s.active and n.status = 'active';
  if t is null then
    raise exception 'no grant of this tenant lets this person %', case when writing then 'write' else 'in' end
      using errcode = '42501', constraint = 'watertight_support_grant';
  end if;
  return t;
end $$;
-- +goose StatementEnd
comment on function watertight.support_tenant(boolean) is
  'The tenant of a signed support context whose grant is live now, for reading or for writing. Raises 42501 otherwise. The policies of watertight_support compare with it, once a statement.';
alter function watertight.support_tenant(boolean) owner to watertight_context;
revoke all on function watertight.support_tenant(boolean) from public;
grant execute on function watertight.support_tenant(boolean) to watertight_support, watertight_audit;
grant execute on function watertight.enter(text), watertight.challenge(), watertight.actor() to watertight_support;
grant select on watertight.limitation to watertight_support;

-- +goose StatementBegin
create function watertight.support_admitted() returns text
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.audit_context();
  t    uuid   := watertight.support_tenant(false);
begin
  perform watertight.audit_put(part, watertight.audit_claims(part), t, 'watertight.support_admitted', null, null, null);
  begin
    perform watertight.support_tenant(true);
    return 'write';
  exception when insufficient_privilege then
    return 'read';
  end;
end $$;
-- +goose StatementEnd
comment on function watertight.support_admitted() is
  'Records that a support person was let in by the context''s grant, and returns what it allows: read or write.';

-- +goose StatementBegin
create function watertight.support_statement(statement text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.audit_context();
begin
  perform watertight.audit_put(part, watertight.audit_claims(part), watertight.support_tenant(false), 'watertight.support', null, null,
    json_build_object('query', part[6], 'statement', left(statement, 2000)));
end $$;
-- +goose StatementEnd
comment on function watertight.support_statement(text) is
  'Records a statement of support, in a transaction of its own, before it is run.';

-- +goose StatementBegin
do $$
declare
  f text;
begin
  foreach f in array '{"support_admitted()","support_statement(text)"}'::text[] loop
    execute format('alter function watertight.%s owner to watertight_audit', f);
    execute format('revoke all on function watertight.%s from public', f);
    execute format('grant execute on function watertight.%s to watertight_support', f);
  end loop;
end $$;
-- +goose StatementEnd
-- Writes its events by the functions above only, which check the grant.
revoke execute on function watertight.audit_log(text, text, text, json) from watertight_support;

-- Which columns support sees. A team's: all but sealed ones, what the log masks,
-- and what looks like a secret and was not declared plain. The library's own:
-- of five tables, so that one that is added later is closed.
-- +goose StatementBegin
create function watertight.support_columns(rel regclass) returns setof name
  language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select a.attname
  from pg_attribute a
  join pg_class t on t.oid = a.attrelid
  left join watertight.audit_column c on c.relid = rel and c.column_name = a.attname
  where a.attrelid = rel and a.attnum > 0 and not a.attisdropped
    and not exists (select from watertight.sealed_columns s where s.relid = rel and s.column_name = a.attname)
    and coalesce(c.rule, '') <> 'mask'
    and (coalesce(c.rule, '') = 'plain'
      or not (a.atttypid = 'bytea'::regtype
        or a.attname ~* '(password|passwd|passphrase|secret|token|credential|private_?key|api_?key|salt|(^|_)hash(_|$))'))
    and (t.relnamespace <> 'watertight'::regnamespace
      or t.relname in ('tenants', 'users', 'memberships', 'calendar_connections', 'calendar_busy'))
  order by a.attnum;
end;
-- +goose StatementEnd
comment on function watertight.support_columns(regclass) is 'The columns of a tenant table that support may see.';

-- +goose StatementBegin
create function watertight.support_rights(rel regclass, tenant_column name) returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  c    pg_class;
  seen text := (select string_agg(quote_ident(n), ', ') from watertight.support_columns(rel) n);
  list text;
  item record;
begin
  select * into c from pg_class where oid = rel;
  return next format('revoke all on table %s from watertight_support', rel);
  if seen is null then
    return;
  end if;
  return next format('grant usage on schema %s to watertight_support', c.relnamespace::regnamespace);
  return next format('grant select (%s) on table %s to watertight_support', seen, rel);
  if c.relnamespace = 'watertight'::regnamespace then
    return; -- who may do what in a tenant is not support's to change
  end if;
  select string_agg(quote_ident(n), ', ') into list
    from watertight.support_columns(rel) n join pg_attribute a on a.attrelid = rel and a.attname = n
    where a.attidentity <> 'a' and a.attgenerated = '';
  return next format('grant delete, insert (%s) on table %s to watertight_support', list, rel);
  select string_agg(quote_ident(n), ', ') into list
    from watertight.support_columns(rel) n join pg_attribute a on a.attrelid = rel and a.attname = n
    left join pg_index i on i.indrelid = rel and i.indisprimary
    where a.attidentity <> 'a' and a.attgenerated = '' and n <> tenant_column
      and not (a.attnum = any (coalesce(i.indkey::int2[], '{}')));
  if list is not null then
    return next format('grant update (%s) on table %s to watertight_support', list, rel);
  end if;
  for item in
    select d.objid::regclass as name from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.classid = 'pg_class'::regclass and d.refobjid = rel and d.deptype = 'a'
  loop
    return next format('grant usage on sequence %s to watertight_support', item.name);
  end loop;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.support_ddl(rel regclass, tenant_column name) returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  form  text := case when exists (select from pg_extension where extname = 'citus')
    then '%I = watertight.support_tenant(%s)' else '%I = (select watertight.support_tenant(%s))' end;
  reads text := format(form, tenant_column, 'false');
  write text := format(form, tenant_column, 'true');
begin
  return next format('drop policy if exists support_select on %s', rel);
  return next format('drop policy if exists support_insert on %s', rel);
  return next format('drop policy if exists support_update on %s', rel);
  return next format('drop policy if exists support_delete on %s', rel);
  return next format('create policy support_select on %s for select to watertight_support using (%s)', rel, reads);
  return next format('create policy support_insert on %s for insert to watertight_support with check (%s)', rel, write);
  return next format('create policy support_update on %s for update to watertight_support using (%s) with check (%s)', rel, write, write);
  return next format('create policy support_delete on %s for delete to watertight_support using (%s)', rel, write);
  return query select watertight.support_rights(rel, tenant_column);
end $$;
-- +goose StatementEnd
comment on function watertight.support_ddl(regclass, name) is
  'The part of protect_ddl() that lets support in, as far as a grant goes.';

-- A column that becomes a secret later is taken from support with that.
-- +goose StatementBegin
create function watertight.support_refresh() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  rel       regclass := case when tg_op = 'DELETE' then old.relid else new.relid end;
  statement text;
begin
  for statement in
    select watertight.support_rights(p.relid, p.tenant_column) from watertight.protected_table p
    where p.relid = rel and p.kind = 'tenant' and exists (select from pg_class where oid = p.relid)
  loop
    execute statement;
  end loop;
  return null;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
do $$
declare
  f text;
begin
  foreach f in array '{"support_columns(regclass)","support_rights(regclass,name)","support_ddl(regclass,name)","support_refresh()"}'::text[] loop
    execute format('alter function watertight.%s owner to watertight_owner', f);
    execute format('revoke all on function watertight.%s from public', f);
    execute format('grant execute on function watertight.%s to watertight_migrator', f);
  end loop;
end $$;
-- +goose StatementEnd
create trigger support after insert or update or delete on watertight.audit_column
  for each row execute function watertight.support_refresh();
create trigger support after insert or update or delete on watertight.sealed_columns
  for each row execute function watertight.support_refresh();

alter function watertight.protect_ddl(regclass, name) rename to protect_ddl_log;
-- +goose StatementBegin
create or replace function watertight.protect_ddl(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select watertight.protect_ddl_log(rel, tenant_column);
  return query select watertight.support_ddl(rel, tenant_column);
end $$;
-- +goose StatementEnd
comment on function watertight.protect_ddl(regclass, name) is
  'The statements that protect() runs, for teams that review them.';
alter function watertight.protect_ddl(regclass, name) owner to watertight_owner;
revoke all on function watertight.protect_ddl(regclass, name) from public;
grant execute on function watertight.protect_ddl(regclass, name) to watertight_migrator;

-- What was protected before gets the policies here.
-- +goose StatementBegin
do $$
declare
  p         record;
  statement text;
begin
  for p in select * from watertight.protected_table where kind = 'tenant' loop
    delete from watertight.protected_table where relid = p.relid;
    for statement in select watertight.support_ddl(p.relid, p.tenant_column) loop
      execute statement;
    end loop;
    insert into watertight.protected_table values (p.relid, p.kind, p.tenant_column, watertight.policies_of(p.relid));
  end loop;
  begin
    execute format('grant connect on database %I to watertight_support', current_database());
  exception when insufficient_privilege then
    null; -- the administrator gives it to the support logins
  end;
end $$;
-- +goose StatementEnd

-- +goose Down
drop trigger support on watertight.audit_column;
drop trigger support on watertight.sealed_columns;
drop function watertight.protect_ddl(regclass, name);
alter function watertight.protect_ddl_log(regclass, name) rename to protect_ddl;
-- +goose StatementBegin
do $$
declare
  p record;
  s record;
begin
  delete from watertight.protected_table where relid in ('watertight.support_grants'::regclass, 'watertight.support_staff'::regclass);
  for p in select * from watertight.protected_table where kind = 'tenant' loop
    delete from watertight.protected_table where relid = p.relid;
    for s in select polname from pg_catalog.pg_policy where polrelid = p.relid and polname ~ '^support_' loop
      execute format('drop policy %I on %s', s.polname, p.relid::regclass);
    end loop;
    execute format('revoke all on table %s from watertight_support', p.relid::regclass);
    insert into watertight.protected_table values (p.relid, p.kind, p.tenant_column, watertight.policies_of(p.relid));
  end loop;
  execute format('revoke connect on database %I from watertight_support', current_database());
end $$;
-- +goose StatementEnd
drop function watertight.support_refresh();
drop function watertight.support_ddl(regclass, name);
drop function watertight.support_rights(regclass, name);
drop function watertight.support_columns(regclass);
grant execute on function watertight.audit_log(text, text, text, json) to watertight_support;
drop function watertight.support_statement(text);
drop function watertight.support_admitted();
alter table watertight.api_keys drop constraint role_of_no_support;
alter table watertight.memberships drop constraint role_of_no_support;
drop table watertight.support_grants;
drop function watertight.guard_support_grant();
drop function watertight.support_tenant(boolean);
drop table watertight.support_staff;
revoke select on watertight.limitation from watertight_support;
revoke execute on function watertight.enter(text), watertight.challenge(), watertight.actor() from watertight_support;
