-- The booking service's own tables. Run as watertight_migrator, after
-- Watertight's migrations.
create schema app;

create table app.rooms (
  tenant_id uuid not null,
  id        uuid not null default gen_random_uuid(),
  name      text not null check (length(name) between 1 and 80),
  primary key (tenant_id, id),
  constraint room_name unique (tenant_id, name)
);

-- An appointment outlives the account of whoever booked it.
create table app.appointments (
  tenant_id  uuid not null,
  id         uuid not null default gen_random_uuid(),
  room_id    uuid not null,
  subject    text not null check (length(subject) between 1 and 200),
  starts_at  timestamptz not null,
  minutes    integer not null check (minutes between 5 and 480),
  booked_by  uuid,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  constraint room_is_free unique (tenant_id, room_id, starts_at),
  constraint room_exists foreign key (tenant_id, room_id) references app.rooms (tenant_id, id),
  foreign key (tenant_id, booked_by) references watertight.users (tenant_id, id) on delete set null (booked_by)
);
create index appointments_by_time on app.appointments (tenant_id, starts_at);

-- What a file belongs to. The file itself is in watertight.files.
create table app.attachments (
  tenant_id      uuid not null,
  file_id        uuid not null,
  appointment_id uuid not null,
  primary key (tenant_id, file_id),
  foreign key (tenant_id, file_id) references watertight.files (tenant_id, id) on delete cascade,
  constraint appointment_exists foreign key (tenant_id, appointment_id) references app.appointments (tenant_id, id) on delete cascade
);
create index attachments_of on app.attachments (tenant_id, appointment_id);

-- Somebody asks for help. Only an owner or an admin then lets support in.
create table app.support_requests (
  tenant_id   uuid not null,
  id          uuid not null default gen_random_uuid(),
  question    text not null check (length(question) between 5 and 500),
  asked_by    uuid,
  asked_at    timestamptz not null default now(),
  answered_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, asked_by) references watertight.users (tenant_id, id) on delete set null (asked_by)
);

-- Copies of everything that an owner took away.
create table app.exports (
  tenant_id uuid not null,
  id        uuid not null default gen_random_uuid(),
  asked_by  uuid,
  asked_at  timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, asked_by) references watertight.users (tenant_id, id) on delete set null (asked_by)
);

select watertight.protect('app.rooms');
select watertight.protect('app.appointments');
select watertight.protect('app.attachments');
select watertight.protect('app.support_requests');
select watertight.protect('app.exports');
