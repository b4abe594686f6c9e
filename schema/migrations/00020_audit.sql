-- +goose Up
-- The audit log: its role, its tables, and who may do what with them. The
-- bytes that the tree is made of stand in the documentation of package audit.

-- +goose StatementBegin
do $$
begin
  -- Owns the log. Nobody logs in as it and no other role is a member of it, so
  -- not even watertight_migrator, which owns the tenant tables, can edit it.
  begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'watertight_audit') then
      create role watertight_audit nologin nosuperuser nocreatedb nocreaterole noreplication noinherit;
    end if;
  exception when duplicate_object or unique_violation then
    null; -- another database of the cluster made it at this moment
  end;
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    begin
      execute format('grant watertight_audit to %I', current_user);
    exception when unique_violation then
      null;
    end;
  end if;
end $$;
-- +goose StatementEnd
grant usage, create on schema watertight to watertight_audit;

create table watertight.audit_event (
  tenant_id   uuid not null,                       -- all zero: the platform's own log
  epoch       smallint not null default 1,         -- one more after a restore into another cluster
  xid         xid8 not null default pg_current_xact_id(),
  id          bigint not null generated always as identity,
  at          timestamptz not null default clock_timestamp(),
  op          text,                                -- i, u, d; null: an event that code wrote, not a captured change
  action      text not null,
  query       text,                                -- a label that nobody signed, see audit_row()
  actor_kind  text not null,                       -- user, support, job, system, database
  actor_id    text,
  actor_email text,
  ip          inet,
  app_version text not null,
  request_id  text,
  grant_id    uuid,
  entity      text,
  entity_id   text,
  entity_key  bigint,                              -- a hash of tenant, entity and id, for the index
  reason      text,
  diff        json,                                -- json, not jsonb: the bytes are kept
  salt_actor  uuid default gen_random_uuid(),
  salt_diff   uuid default gen_random_uuid(),
  c_actor     bytea,
  c_diff      bytea,
  primary key (tenant_id, epoch, xid, id)          -- the order of the tree
);
-- No CHECK on this table: each one costs every write as much as two indexes,
-- and the functions of the next migration are the only way in. What a redaction
-- must leave behind is checked where one happens, and again by the verifier.
create index audit_event_seal on watertight.audit_event (epoch, xid);
create index audit_event_entity on watertight.audit_event (entity_key) where entity_key is not null;
comment on table watertight.audit_event is
  'Who did what, from where, on which version, and what changed. Append-only; sealed by watertight_sealer.';

create table watertight.audit_tree (
  tenant_id    uuid primary key,
  size         bigint not null check (size >= 0),
  range        bytea not null,
  pruned       bigint not null default 0 check (pruned between 0 and size),
  pruned_range bytea not null default ''
);
comment on table watertight.audit_tree is
  'The Merkle tree of each tenant''s log as a compact range, and that of the events that retention removed.';

create table watertight.audit_checkpoint (
  tenant_id uuid not null,
  size      bigint not null,
  note      text not null,
  at        timestamptz not null default clock_timestamp(),
  primary key (tenant_id, size)
);
comment on table watertight.audit_checkpoint is
  'Signed tree heads: the newest, and the last of each day.';

create table watertight.audit_sealer (
  singleton boolean primary key default true check (singleton),
  epoch     smallint not null default 1,
  system_id bigint,                      -- of the cluster; null where it may not be read
  hwm       xid8 not null,               -- everything below is sealed
  last_id   bigint not null default 0,   -- the greatest id that is sealed
  sealed_at timestamptz not null default clock_timestamp()
);
comment on table watertight.audit_sealer is 'How far the sealer has come.';

create table watertight.audit_retention (
  tenant_id uuid primary key,
  days      smallint not null check (days between 30 and 180)
);
comment on table watertight.audit_retention is
  'How long a tenant''s events are kept, where it is not the 180 days of everybody.';

create table watertight.audit_column (
  relid       regclass not null,
  column_name name not null,
  rule        text not null check (rule in ('plain', 'mask', 'omit')),
  primary key (relid, column_name)
);
comment on table watertight.audit_column is
  'Columns whose values the log shows (plain), hides (mask), or takes no notice of (omit), against the default.';

-- +goose StatementBegin
do $$
declare
  t text;
begin
  foreach t in array '{audit_event,audit_tree,audit_checkpoint,audit_sealer,audit_retention,audit_column}'::text[] loop
    execute format('alter table watertight.%s owner to watertight_audit', t);
    execute format('revoke all on watertight.%s from public', t);
    execute format('alter table watertight.%s enable row level security, force row level security', t);
    execute format('create policy keeper on watertight.%s for all to watertight_audit using (true) with check (true)', t);
    execute format('create policy sealer on watertight.%s for select to watertight_sealer, watertight_privacy using (true)', t);
    execute format('grant select on watertight.%s to watertight_sealer, watertight_privacy', t);
  end loop;
  -- A tenant reads its own log, and with it whatever proves it.
  foreach t in array '{audit_event,audit_tree,audit_checkpoint,audit_retention}'::text[] loop
    execute format('create policy tenant_isolation on watertight.%s for select to watertight_app using (tenant_id = %s)', t,
      case when exists (select from pg_catalog.pg_extension where extname = 'citus')
        then 'watertight.tenant()' else '(select watertight.tenant())' end);
    execute format('create policy crosstenant on watertight.%s for select to watertight_system using (%s)', t,
      case when exists (select from pg_catalog.pg_extension where extname = 'citus')
        then 'watertight.crosstenant()' else '(select watertight.crosstenant())' end);
    execute format('grant select on watertight.%s to watertight_app, watertight_system', t);
  end loop;
end $$;
-- +goose StatementEnd

-- The roles that protect tables read which columns the log hides.
create policy reader on watertight.audit_column for select to watertight_owner, watertight_migrator using (true);

-- +goose StatementBegin
create function watertight.audit_append_only() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- Only the functions that are owned by the log's owner run as it, and each
  -- of them leaves an event of what it removed.
  if current_user <> 'watertight_audit' then
    raise exception 'the audit log is append-only: % on % is refused', tg_op, tg_relid::regclass
      using errcode = '42501', constraint = 'watertight_audit_append_only',
        hint = 'Retention, redaction and erasure have functions of their own.';
  end if;
  return null;
end $$;
-- +goose StatementEnd
alter function watertight.audit_append_only() owner to watertight_audit;
revoke all on function watertight.audit_append_only() from public;

-- +goose StatementBegin
create function watertight.audit_halves() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if (new.c_actor is null) = (new.salt_actor is null) or new.c_actor is not null and
      (octet_length(new.c_actor) <> 32 or num_nonnulls(new.actor_id, new.actor_email, new.ip) > 0)
    or (new.c_diff is null) = (new.salt_diff is null) or new.c_diff is not null and
      (octet_length(new.c_diff) <> 32 or num_nonnulls(new.reason, new.diff) > 0)
  then
    raise exception 'a redacted half of an event holds its commitment and nothing else'
      using errcode = '23514', constraint = 'watertight_audit_halves';
  end if;
  return new;
end $$;
-- +goose StatementEnd
alter function watertight.audit_halves() owner to watertight_audit;
revoke all on function watertight.audit_halves() from public;
create trigger halves before update on watertight.audit_event for each row execute function watertight.audit_halves();
alter table watertight.audit_event enable always trigger halves;

-- +goose StatementBegin
do $$
declare
  t text;
begin
  foreach t in array '{audit_event,audit_tree,audit_checkpoint,audit_sealer}'::text[] loop
    -- ALWAYS: also in a session with session_replication_role = replica.
    execute format('create trigger append_only before update or delete or truncate on watertight.%s for each statement execute function watertight.audit_append_only()', t);
    execute format('alter table watertight.%s enable always trigger append_only', t);
  end loop;
end $$;
-- +goose StatementEnd

-- The guard watches the log as it watches tenant tables.
alter table watertight.protected_table drop constraint protected_table_kind_check;
alter table watertight.protected_table add constraint protected_table_kind_check check (kind in ('tenant', 'shared', 'log'));
insert into watertight.protected_table
  select t::regclass, 'log', null, watertight.policies_of(t::regclass)
  from unnest('{watertight.audit_event,watertight.audit_tree,watertight.audit_checkpoint,watertight.audit_sealer,watertight.audit_retention,watertight.audit_column}'::text[]) t;

-- +goose StatementBegin
do $$
declare
  cluster bigint;
begin
  begin
    select system_identifier into cluster from pg_catalog.pg_control_system();
  exception when insufficient_privilege or undefined_function then
    insert into watertight.limitation values ('audit-cluster',
      'grant EXECUTE on pg_catalog.pg_control_system() to watertight_audit',
      'the sealer cannot tell by itself that the database was restored into another cluster: begin a new epoch of the audit log by hand after such a restore')
      on conflict do nothing;
  end;
  insert into watertight.audit_sealer (system_id, hwm)
    values (cluster, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()));
end $$;
-- +goose StatementEnd

-- +goose Down
delete from watertight.protected_table where kind = 'log';
alter table watertight.protected_table drop constraint protected_table_kind_check;
alter table watertight.protected_table add constraint protected_table_kind_check check (kind in ('tenant', 'shared'));
drop table watertight.audit_column;
drop table watertight.audit_retention;
drop table watertight.audit_sealer;
drop table watertight.audit_checkpoint;
drop table watertight.audit_tree;
drop table watertight.audit_event;
drop function watertight.audit_halves();
drop function watertight.audit_append_only();
delete from watertight.limitation where id = 'audit-cluster';
revoke all on schema watertight from watertight_audit;
-- +goose StatementBegin
do $$
begin
  drop role if exists watertight_audit;
exception when dependent_objects_still_exist or object_in_use or insufficient_privilege then
  raise notice 'role watertight_audit is still in use and stays';
end $$;
-- +goose StatementEnd
