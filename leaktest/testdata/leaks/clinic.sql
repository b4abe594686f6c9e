-- Another application: camelCase, bigint tenants, three schemas, a function as
-- the context, and a directory that nobody may read.
create schema "Core"; create schema med; create schema sec;
grant usage on schema "Core", med, sec to app;
create table "Core"."Clinics" ("clinicId" bigint generated always as identity primary key, "displayName" text not null, tier smallint not null default 1 check (tier in (1, 2, 3)));
create function sec.clinic() returns bigint language sql stable security definer set search_path = pg_catalog as $$ select nullif(current_setting('med.clinic', true), '')::bigint $$;
grant execute on function sec.clinic() to app;
create table med."Patients" (
  "clinicId" bigint not null references "Core"."Clinics", "patientNo" int not null, "fullName" varchar(80) not null, "insuranceNo" text,
  "bornOn" date not null check ("bornOn" > '1900-01-01'), gender char(1) check (gender in ('f', 'm', 'x')),
  primary key ("clinicId", "patientNo"), unique ("clinicId", "insuranceNo"));
create table med."Visits" (
  "clinicId" bigint not null, "visitId" uuid not null default gen_random_uuid(), "patientNo" int not null, "startsAt" timestamptz not null, "endsAt" timestamptz not null, "roomCode" text not null,
  check ("endsAt" > "startsAt"), primary key ("clinicId", "visitId"), foreign key ("clinicId", "patientNo") references med."Patients" on update cascade on delete restrict);
create table med."Files" ("clinicId" bigint not null, "visitId" uuid not null, "fileNo" smallint not null, content bytea not null, meta jsonb not null default '{}' check (jsonb_typeof(meta) = 'object'),
  primary key ("clinicId", "visitId", "fileNo"), foreign key ("clinicId", "visitId") references med."Visits" on delete cascade);
do $$ declare t text; begin foreach t in array '{Patients,Visits,Files}'::text[] loop
  execute format('alter table med.%I enable row level security, force row level security', t);
  execute format('create policy clinic_only on med.%I to app using ("clinicId" = (select sec.clinic())) with check ("clinicId" = (select sec.clinic()))', t);
  execute format('grant select, insert, update, delete on med.%I to app', t);
end loop; end $$;
