-- A team that had its own people before it had Watertight.
create schema app;

create table app.staff (
  tenant_id uuid not null references watertight.tenants (id),
  id        uuid not null,
  email     text not null,
  job       text not null check (job in ('owner', 'dispatcher', 'driver')),
  left_on   date,
  primary key (tenant_id, id)
);
select watertight.protect('app.staff');

create table app.trips (
  tenant_id uuid not null,
  id        uuid not null default gen_random_uuid(),
  driver    uuid not null,
  goal      text not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, driver) references app.staff (tenant_id, id)
);
select watertight.protect('app.trips');
