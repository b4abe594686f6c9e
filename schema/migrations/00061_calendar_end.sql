-- +goose Up
-- Calendar connections end with the account and with a plan that has none. What
-- ends leaves its sealed token in an outbox, in the same statement, until the
-- provider was told. See docs/design/034-calendar-connections.md.

alter table watertight.tenants
  add column plan      text not null default 'standard' check (plan ~ '^[a-z][a-z0-9_-]{0,31}$'),
  add column calendars boolean not null default true,
  add unique (id, calendars);
comment on column watertight.tenants.calendars is 'Whether the plan allows calendar connections.';
-- +goose StatementBegin
do $$ begin perform watertight.audit_generate('watertight.tenants', 'id'); end $$;
-- +goose StatementEnd
grant update (plan, calendars) on watertight.tenants to watertight_system;

-- A live connection refers to a plan that allows it, so neither a downgrade nor
-- a connection made beside it leaves one behind.
alter table watertight.calendar_connections
  add column plan_allows boolean generated always as (case when revoked_at is null then true end) stored,
  add constraint plan_allows_calendars foreign key (tenant_id, plan_allows) references watertight.tenants (id, calendars);
select watertight.protect('watertight.calendar_connections');

create table watertight.calendar_revocations (
  tenant_id       uuid not null references watertight.tenants (id),
  id              uuid not null, -- the connection's, for which the tokens are sealed
  provider        text not null,
  access_token    bytea,
  refresh_token   bytea,
  attempts        int not null default 0 check (attempts >= 0),
  next_attempt_at timestamptz not null default now(),
  created_at      timestamptz not null default now(),
  primary key (tenant_id, id)
);
create index calendar_revocations_due on watertight.calendar_revocations (tenant_id, next_attempt_at);
comment on table watertight.calendar_revocations is
  'Tokens of ended calendar connections that their provider is still to be told of. A row goes when that was done, or given up.';
select watertight.protect('watertight.calendar_revocations');
select watertight.seal_column('watertight.calendar_revocations', 'access_token', 'calendar_connection');
select watertight.seal_column('watertight.calendar_revocations', 'refresh_token', 'calendar_connection');
select watertight.not_exported('watertight.calendar_revocations', 'what is to be revoked is revoked where it was connected');

-- Runs with the rights of whoever ends the connection: the application, or the
-- owner of the tables when a foreign key deletes it with its user.
-- +goose StatementBegin
create function watertight.queue_calendar_revocation() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if old.revoked_at is null and num_nonnulls(old.access_token, old.refresh_token) > 0
    and (tg_op = 'DELETE' or new.revoked_at is not null) and not watertight.restoring()
  then
    insert into watertight.calendar_revocations (tenant_id, id, provider, access_token, refresh_token)
      values (old.tenant_id, old.id, old.provider, old.access_token, old.refresh_token)
      on conflict do nothing;
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end $$;
-- +goose StatementEnd
alter function watertight.queue_calendar_revocation() owner to watertight_owner;
revoke all on function watertight.queue_calendar_revocation() from public;
create trigger queue_revocation before update or delete on watertight.calendar_connections
  for each row execute function watertight.queue_calendar_revocation();

-- +goose Down
drop trigger queue_revocation on watertight.calendar_connections;
drop function watertight.queue_calendar_revocation();
delete from watertight.export_exclusion where relid = 'watertight.calendar_revocations'::regclass;
delete from watertight.sealed_columns where relid = 'watertight.calendar_revocations'::regclass;
delete from watertight.protected_table where relid = 'watertight.calendar_revocations'::regclass;
drop table watertight.calendar_revocations;
alter table watertight.calendar_connections drop constraint plan_allows_calendars, drop column plan_allows;
select watertight.protect('watertight.calendar_connections');
alter table watertight.tenants drop column plan, drop column calendars;
-- +goose StatementBegin
do $$ begin perform watertight.audit_generate('watertight.tenants', 'id'); end $$;
-- +goose StatementEnd
