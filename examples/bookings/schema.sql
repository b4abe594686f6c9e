-- The booking service's own tables. Run as watertight_migrator, after
-- Watertight's migrations.
create schema app;

create table app.rooms (
  tenant_id uuid not null,
  id        uuid not null default gen_random_uuid(),
  name      text not null check (name <> ''),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);

create table app.appointments (
  tenant_id  uuid not null,
  id         uuid not null default gen_random_uuid(),
  room_id    uuid not null,
  subject    text not null check (subject <> ''),
  starts_at  timestamptz not null,
  minutes    integer not null check (minutes between 5 and 480),
  booked_by  uuid not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, room_id, starts_at),
  foreign key (tenant_id, room_id) references app.rooms (tenant_id, id),
  foreign key (tenant_id, booked_by) references watertight.users (tenant_id, id)
);
create index appointments_by_time on app.appointments (tenant_id, starts_at);

select watertight.protect('app.rooms');
select watertight.protect('app.appointments');
