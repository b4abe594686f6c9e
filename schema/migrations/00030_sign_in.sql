-- +goose Up
-- Sign-in, sessions and API keys; and the two look-ups that run before anyone
-- knows the tenant, with the role that owns them.

-- +goose StatementBegin
do $$
begin
  -- Owns the look-ups. It reads the columns that they compare and return, of
  -- all tenants, and nothing else; nobody logs in as it.
  begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'watertight_lookup') then
      create role watertight_lookup nologin nosuperuser nocreatedb nocreaterole noreplication noinherit;
    end if;
  exception when duplicate_object or unique_violation then
    null; -- another database of the cluster made it at this moment
  end;
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    begin
      execute format('grant watertight_lookup to %I', current_user);
    exception when unique_violation then
      null;
    end;
  end if;
end $$;
-- +goose StatementEnd
grant usage, create on schema watertight to watertight_lookup;

-- What is counted here decides whether a password is looked at.
alter table watertight.users
  add column password_hash   bytea,
  add column password_set_at timestamptz,
  add column failed_attempts int not null default 0 check (failed_attempts between 0 and 1000),
  add column locked_until    timestamptz;
create index users_email_lookup on watertight.users (lower(email));

-- A membership cannot carry a role that the library gives to itself: the
-- database takes such a role in a context as proof of what is going on.
alter table watertight.memberships add constraint role_of_a_person
  check (role not in ('job', 'refused', 'sign_in', 'session', 'lookup'));

create table watertight.sessions (
  tenant_id   uuid not null,
  id          uuid not null,
  user_id     uuid not null,
  family_hash bytea not null check (octet_length(family_hash) = 32),  -- SHA-256: the same in every handle of the session
  turn_hash   bytea not null check (octet_length(turn_hash) = 32),    -- SHA-256: of the one handle that is good
  methods     text[] not null default '{}' check (cardinality(methods) <= 8),
  ip          inet,
  user_agent  text not null default '' check (length(user_agent) <= 200),
  created_at  timestamptz not null default now(),
  used_at     timestamptz not null default now(),
  expires_at  timestamptz not null,
  ended_at    timestamptz,
  ended_why   text check (ended_why in ('signed out', 'revoked', 'reused', 'password')),
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references watertight.users (tenant_id, id) on delete cascade,
  constraint ended_has_reason check ((ended_at is null) = (ended_why is null))
);
create index sessions_user on watertight.sessions (tenant_id, user_id);
comment on table watertight.sessions is
  'Signed-in sessions. A refresh handle is stored as two hashes only; see docs/design/030-sessions.md.';

create table watertight.api_keys (
  tenant_id  uuid not null,
  id         uuid not null,
  name       text not null check (length(name) between 1 and 100),
  prefix     text not null check (prefix ~ '^wt_[A-Za-z0-9]{8}$'),       -- what a person may see of it
  hash       bytea not null check (octet_length(hash) = 32),             -- SHA-256 of 256 random bits
  role       text not null check (role ~ '^[a-z][a-z0-9_-]{0,31}$' and role not in ('job', 'refused', 'sign_in', 'session', 'lookup')),
  created_by uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  primary key (tenant_id, id),
  -- A key ends with the account that made it.
  foreign key (tenant_id, created_by) references watertight.users (tenant_id, id) on delete cascade,
  constraint expires_within_a_year check (expires_at <= created_at + interval '366 days')
);
create index api_keys_lookup on watertight.api_keys (hash);
create index api_keys_creator on watertight.api_keys (tenant_id, created_by);
comment on table watertight.api_keys is 'Keys of programs that act in a tenant. Only hashes are kept.';

select watertight.protect('watertight.users');
select watertight.protect('watertight.sessions');
select watertight.protect('watertight.api_keys');
select watertight.seal_column('watertight.users', 'password_hash', 'user');

-- The counter moves at every attempt and a session turns every minute: neither
-- is a change that a reader of the log looks for. Sign-ins, locks and ends of
-- sessions leave events of their own.
select watertight.audit_columns('watertight.users', 'omit', 'failed_attempts', 'locked_until');
select watertight.audit_columns('watertight.sessions', 'omit', 'turn_hash', 'used_at', 'family_hash');

-- What the queries write, and no more. (What is revoked on the table is revoked
-- on its columns.)
revoke insert, update on watertight.users from watertight_app;
grant insert (tenant_id, id, email, display_name),
  update (email, display_name, password_hash, password_set_at, failed_attempts, locked_until)
  on watertight.users to watertight_app;
revoke insert, update on watertight.sessions from watertight_app;
grant insert (tenant_id, id, user_id, family_hash, turn_hash, methods, ip, user_agent, expires_at),
  update (turn_hash, used_at, ip, user_agent, ended_at, ended_why)
  on watertight.sessions to watertight_app;
revoke insert, update, delete on watertight.api_keys from watertight_app;
grant insert (tenant_id, id, name, prefix, hash, role, created_by, expires_at), update (revoked_at)
  on watertight.api_keys to watertight_app;

-- +goose StatementBegin
create function watertight.guard_session() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if old.ended_at is not null then
    raise exception 'a session that has ended stays so'
      using errcode = '42501', constraint = 'watertight_session_ended';
  end if;
  return new;
end $$;
-- +goose StatementEnd
alter function watertight.guard_session() owner to watertight_owner;
revoke all on function watertight.guard_session() from public;
create trigger guard before update on watertight.sessions for each row execute function watertight.guard_session();
alter table watertight.sessions enable always trigger guard;

-- Whatever statement makes it, a key can do no more than whoever makes it: the
-- role of the actor is in the signed context.
-- +goose StatementBegin
create function watertight.guard_api_key() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  who   jsonb;
  actor int;
  wants int;
begin
  if tg_op = 'UPDATE' then
    if old.revoked_at is not null then
      raise exception 'a key that was revoked stays so'
        using errcode = '42501', constraint = 'watertight_api_key_revoked';
    end if;
    return new;
  end if;
  if current_user <> 'watertight_app' then
    return new; -- a restore, which puts back what was
  end if;
  who := watertight.actor();
  -- A role of the team's own stands below admin. Nothing is known of what it
  -- may do, so whoever has it makes keys of that same role only.
  actor := case who->>'role' when 'owner' then 5 when 'admin' then 4 when 'member' then 2 when 'viewer' then 1 else 0 end;
  wants := case new.role when 'owner' then 5 when 'admin' then 4 when 'member' then 2 when 'viewer' then 1 else 3 end;
  if who->>'user' is distinct from new.created_by::text then
    raise exception 'a key is made in the name of whoever makes it'
      using errcode = '42501', constraint = 'watertight_api_key_role';
  end if;
  if who->>'role' is distinct from new.role and actor <= wants then
    raise exception 'the role % cannot make a key of the role %', who->>'role', new.role
      using errcode = '42501', constraint = 'watertight_api_key_role';
  end if;
  return new;
end $$;
-- +goose StatementEnd
alter function watertight.guard_api_key() owner to watertight_owner;
revoke all on function watertight.guard_api_key() from public;
create trigger guard before insert or update on watertight.api_keys for each row execute function watertight.guard_api_key();
alter table watertight.api_keys enable always trigger guard;

-- +goose StatementBegin
create function watertight.lookup() returns boolean
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.context();
begin
  -- Inside a tenant's transaction, where somebody's SQL may run, there is
  -- another context, and it is set once.
  if part[3] <> 'list' or convert_from(decode(part[7], 'base64'), 'UTF8')::jsonb->>'role' is distinct from 'lookup' then
    raise exception 'the context is not one of a look-up before a tenant is known'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  return true;
end $$;
-- +goose StatementEnd
comment on function watertight.lookup() is
  'True inside a signed context of a look-up before a tenant is known. Raises 42501 otherwise. The policies of watertight_lookup call it.';
alter function watertight.lookup() owner to watertight_context;
revoke all on function watertight.lookup() from public;
grant execute on function watertight.lookup() to watertight_lookup;

-- The look-ups' own policies: in a signed context of a look-up only, and of the
-- columns that they compare and return.
-- +goose StatementBegin
do $$
declare
  t   regclass;
  col name;
begin
  foreach t in array '{watertight.tenants,watertight.users,watertight.api_keys}'::regclass[] loop
    col := (select tenant_column from watertight.protected_table where relid = t);
    delete from watertight.protected_table where relid = t;
    execute format('create policy lookup on %s for select to watertight_lookup using (%s)', t,
      case when exists (select from pg_catalog.pg_extension where extname = 'citus')
        then 'watertight.lookup()' else '(select watertight.lookup())' end);
    insert into watertight.protected_table values (t, 'tenant', col, watertight.policies_of(t));
  end loop;
end $$;
-- +goose StatementEnd
grant select (id, status) on watertight.tenants to watertight_lookup;
grant select (tenant_id, id, email) on watertight.users to watertight_lookup;
grant select (tenant_id, id, hash, role, prefix, expires_at, revoked_at) on watertight.api_keys to watertight_lookup;

-- +goose StatementBegin
create function watertight.sign_in_accounts(p_email text, p_tenant uuid)
  returns table (tenant_id uuid, user_id uuid)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform watertight.lookup(); -- also where no policy is asked because there is no row
  if length(p_email) > 254 then
    return;
  end if;
  return query
    select u.tenant_id, u.id
    from watertight.users u join watertight.tenants t on t.id = u.tenant_id
    where lower(u.email) = lower(p_email) and t.status = 'active' and (p_tenant is null or t.id = p_tenant)
    order by u.tenant_id
    limit 20;
end $$;
-- +goose StatementEnd
comment on function watertight.sign_in_accounts(text, uuid) is
  'Which accounts have this e-mail address: ids only, of active tenants, of one tenant if it is given, at most 20. Needs a signed context of a look-up.';

-- +goose StatementBegin
create function watertight.api_key_account(p_hash bytea)
  returns table (tenant_id uuid, key_id uuid, role text, prefix text)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform watertight.lookup();
  return query
    select k.tenant_id, k.id, k.role, k.prefix
    from watertight.api_keys k join watertight.tenants t on t.id = k.tenant_id
    where k.hash = p_hash and k.revoked_at is null and k.expires_at > now() and t.status = 'active'
      -- A tenant that wrote the hash of another's key into its own rows
      -- would otherwise have that key's holder work in its data.
      and not exists (select from watertight.api_keys o where o.hash = p_hash and (o.tenant_id, o.id) <> (k.tenant_id, k.id));
end $$;
-- +goose StatementEnd
comment on function watertight.api_key_account(bytea) is
  'Which key has this SHA-256 hash: its tenant, id, role and visible prefix, if it is good and its tenant active. Needs a signed context of a look-up.';

alter function watertight.sign_in_accounts(text, uuid) owner to watertight_lookup;
alter function watertight.api_key_account(bytea) owner to watertight_lookup;
revoke all on function watertight.sign_in_accounts(text, uuid), watertight.api_key_account(bytea) from public;
grant execute on function watertight.sign_in_accounts(text, uuid), watertight.api_key_account(bytea) to watertight_app;
revoke create on schema watertight from watertight_lookup;

-- The context of a look-up is no job's: it does not list the tenants.
-- +goose StatementBegin
create or replace function watertight.tenant_ids(after uuid, page int) returns setof uuid
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.context();
begin
  if part[3] not in ('list', 'all') or convert_from(decode(part[7], 'base64'), 'UTF8')::jsonb->>'role' is not distinct from 'lookup' then
    raise exception 'the context is not one of a job over all tenants'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  return query
    select t.id from watertight.tenants t
    where t.status = 'active' and (after is null or t.id > after)
    order by t.id limit page;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.sign_in_refused() returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.audit_context();
  who  jsonb  := watertight.audit_claims(part);
begin
  if part[3] in ('all', 'list') or who->>'role' is distinct from 'sign_in' then
    raise exception 'the context is not that of a sign-in'
      using errcode = '42501', constraint = 'watertight_audit_refused';
  end if;
  -- In the operator's log, not the tenant's: the address is none of its own.
  -- What was typed is left out: it may be a password in the wrong field.
  perform watertight.audit_put(part, jsonb_build_object('user', 'unknown') || (who - 'email'),
    '00000000-0000-0000-0000-000000000000', 'watertight.sign_in_refused', 'tenant', part[3], null);
end $$;
-- +goose StatementEnd
comment on function watertight.sign_in_refused() is
  'Records in the platform''s log that somebody tried to sign in to the context''s tenant as an account that it does not have.';
alter function watertight.sign_in_refused() owner to watertight_audit;
revoke all on function watertight.sign_in_refused() from public;
grant execute on function watertight.sign_in_refused() to watertight_app;

-- +goose Down
drop function watertight.sign_in_refused();
-- +goose StatementBegin
create or replace function watertight.tenant_ids(after uuid, page int) returns setof uuid
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.context();
begin
  if part[3] not in ('list', 'all') then
    raise exception 'the context is not one of a job over all tenants'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  return query
    select t.id from watertight.tenants t
    where t.status = 'active' and (after is null or t.id > after)
    order by t.id limit page;
end $$;
-- +goose StatementEnd
drop function watertight.api_key_account(bytea);
drop function watertight.sign_in_accounts(text, uuid);
delete from watertight.protected_table
  where relid in ('watertight.api_keys'::regclass, 'watertight.sessions'::regclass);
drop table watertight.api_keys;
drop table watertight.sessions;
drop function watertight.guard_api_key();
drop function watertight.guard_session();
-- +goose StatementBegin
do $$
declare
  t   regclass;
  col name;
begin
  foreach t in array '{watertight.tenants,watertight.users}'::regclass[] loop
    col := (select tenant_column from watertight.protected_table where relid = t);
    delete from watertight.protected_table where relid = t;
    execute format('drop policy lookup on %s', t);
    insert into watertight.protected_table values (t, 'tenant', col, watertight.policies_of(t));
  end loop;
end $$;
-- +goose StatementEnd
drop function watertight.lookup();
revoke all on watertight.tenants, watertight.users from watertight_lookup;
alter table watertight.memberships drop constraint role_of_a_person;
delete from watertight.sealed_columns where relid = 'watertight.users'::regclass;
delete from watertight.audit_column where relid = 'watertight.users'::regclass;
drop index watertight.users_email_lookup;
alter table watertight.users
  drop column password_hash, drop column password_set_at, drop column failed_attempts, drop column locked_until;
select watertight.protect('watertight.users');
revoke all on schema watertight from watertight_lookup;
-- +goose StatementBegin
do $$
begin
  drop role if exists watertight_lookup;
exception when dependent_objects_still_exist or object_in_use or insufficient_privilege then
  raise notice 'role watertight_lookup is still in use and stays';
end $$;
-- +goose StatementEnd
