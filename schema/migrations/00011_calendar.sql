-- +goose Up
-- Calendars that a user has connected. Their credentials are sealed; of the
-- events only subject, date and time, and duration are kept, and there is no
-- column for anything else.

create table watertight.calendar_connections (
  tenant_id         uuid not null,
  id                uuid not null,  -- the program's: the credentials are sealed for it
  user_id           uuid not null,
  provider          text not null check (provider in ('google', 'microsoft', 'apple', 'caldav')),
  account           text not null check (length(account) between 1 and 320),
  scopes            text[] not null default '{}',
  access_token      bytea,
  refresh_token     bytea,
  caldav_password   bytea,
  access_expires_at timestamptz,
  created_at        timestamptz not null default now(),
  revoked_at        timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references watertight.users (tenant_id, id) on delete cascade,
  constraint one_kind_of_credential check (caldav_password is null or num_nonnulls(access_token, refresh_token) = 0),
  -- What is revoked keeps no credential, and what keeps none is revoked.
  constraint revoked_is_empty check ((revoked_at is null) = (num_nonnulls(access_token, refresh_token, caldav_password) > 0))
);
create unique index calendar_connections_account on watertight.calendar_connections (tenant_id, user_id, provider, account)
  where revoked_at is null;
create index calendar_connections_expiry on watertight.calendar_connections (tenant_id, access_expires_at)
  where revoked_at is null;

select watertight.protect('watertight.calendar_connections');
select watertight.seal_column('watertight.calendar_connections', 'access_token', 'calendar_connection');
select watertight.seal_column('watertight.calendar_connections', 'refresh_token', 'calendar_connection');
select watertight.seal_column('watertight.calendar_connections', 'caldav_password', 'calendar_connection');

create table watertight.calendar_busy (
  tenant_id     uuid not null,
  id            bigint not null generated always as identity,
  connection_id uuid not null,
  subject       text not null,
  starts_at     timestamptz not null,
  minutes       int not null check (minutes > 0),
  primary key (tenant_id, id),
  foreign key (tenant_id, connection_id) references watertight.calendar_connections (tenant_id, id) on delete cascade
);
create index calendar_busy_time on watertight.calendar_busy (tenant_id, connection_id, starts_at);
comment on table watertight.calendar_busy is
  'Busy blocks imported from connected calendars: subject, date and time, duration, and nothing else.';

select watertight.protect('watertight.calendar_busy');

-- +goose Down
delete from watertight.sealed_columns where relid = 'watertight.calendar_connections'::regclass;
delete from watertight.protected_table where relid in ('watertight.calendar_busy'::regclass, 'watertight.calendar_connections'::regclass);
drop table watertight.calendar_busy;
drop table watertight.calendar_connections;
