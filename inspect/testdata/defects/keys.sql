-- defect: a foreign key without the tenant
-- finds: WTI060 bill
create table app.client (tenant_id uuid not null, id int primary key);
create table app.bill (tenant_id uuid not null, id int primary key, client_id int references app.client);
alter table app.client enable row level security, force row level security;
alter table app.bill enable row level security, force row level security;
create policy tenant on app.client using (tenant_id = app.tenant());
create policy tenant on app.bill using (tenant_id = app.tenant());
grant select, insert, delete on app.client, app.bill to wt_app;
insert into app.client values ('22222222-2222-2222-2222-222222222222', 7);
-- exploit
insert into app.bill values ('11111111-1111-1111-1111-111111111111', 1, 7);
select not exists (select from app.client where id = 7);

-- defect: a foreign key to the same table without the tenant
-- finds: WTI060 folder
create table app.folder (tenant_id uuid not null, id int primary key, parent int references app.folder);
alter table app.folder enable row level security, force row level security;
create policy tenant on app.folder using (tenant_id = app.tenant());
grant select, insert on app.folder to wt_app;
insert into app.folder values ('22222222-2222-2222-2222-222222222222', 7, null);
-- exploit
insert into app.folder values ('11111111-1111-1111-1111-111111111111', 1, 7);
select true;

-- defect: a delete cascades to another tenant
-- finds: WTI060 bill
create table app.client (tenant_id uuid not null, id int primary key);
create table app.bill (tenant_id uuid not null, id int primary key, client_id int references app.client on delete cascade);
alter table app.client enable row level security, force row level security;
alter table app.bill enable row level security, force row level security;
create policy tenant on app.client using (tenant_id = app.tenant());
create policy tenant on app.bill using (tenant_id = app.tenant());
grant select, delete on app.client, app.bill to wt_app;
insert into app.client values ('11111111-1111-1111-1111-111111111111', 7);
insert into app.bill values ('22222222-2222-2222-2222-222222222222', 1, 7);
-- exploit
delete from app.client where id = 7;
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select not exists (select from app.bill);

-- defect: a foreign key to a unique column without the tenant
-- finds: WTI060 letter
create table app.box (tenant_id uuid not null, id int, address text unique, primary key (tenant_id, id));
create table app.letter (tenant_id uuid not null, id int, address text references app.box (address), primary key (tenant_id, id));
alter table app.box enable row level security, force row level security;
alter table app.letter enable row level security, force row level security;
create policy tenant on app.box using (tenant_id = app.tenant());
create policy tenant on app.letter using (tenant_id = app.tenant());
grant select on app.box to wt_app;
grant select, insert on app.letter to wt_app;
insert into app.box values ('22222222-2222-2222-2222-222222222222', 7, 'b');
-- exploit
insert into app.letter values ('11111111-1111-1111-1111-111111111111', 1, 'b');
select true;

-- defect: the foreign key pairs the tenant with another column
-- finds: WTI060 share
create table app.share (tenant_id uuid not null, id int, other uuid, project_id int, primary key (tenant_id, id), foreign key (other, project_id) references app.project);
alter table app.share enable row level security, force row level security;
create policy tenant on app.share using (tenant_id = app.tenant());
grant select, insert on app.share to wt_app;
-- exploit
insert into app.share values ('11111111-1111-1111-1111-111111111111', 1, '22222222-2222-2222-2222-222222222222', 2);
select true;

-- defect: a foreign key of a partitioned table without the tenant
-- finds: WTI060 entry
create table app.client (tenant_id uuid not null, id int primary key);
create table app.entry (tenant_id uuid not null, at date not null, client_id int references app.client) partition by range (at);
create table app.entry_2026 partition of app.entry for values from ('2026-01-01') to ('2027-01-01');
alter table app.client enable row level security, force row level security;
alter table app.entry enable row level security, force row level security;
create policy tenant on app.client using (tenant_id = app.tenant());
create policy tenant on app.entry using (tenant_id = app.tenant());
grant select on app.client to wt_app;
grant select, insert on app.entry to wt_app;
insert into app.client values ('22222222-2222-2222-2222-222222222222', 7);
-- exploit
insert into app.entry values ('11111111-1111-1111-1111-111111111111', '2026-05-05', 7);
select true;

-- defect: a delete sets the tenant NULL
-- finds: WTI061 remark
create table app.remark (tenant_id uuid, id int, project_id int, body text, foreign key (tenant_id, project_id) references app.project on delete set null);
insert into app.remark values ('11111111-1111-1111-1111-111111111111', 1, 1, 'A');
alter table app.remark enable row level security, force row level security;
create policy tenant on app.remark using (tenant_id = app.tenant());
grant select on app.remark to wt_app;
-- exploit
delete from app.task;
delete from app.project where id = 1;
select not exists (select from app.remark);

-- defect: a delete sets the tenant to a default
-- finds: WTI061 remark
create table app.remark (tenant_id uuid not null default '22222222-2222-2222-2222-222222222222', id int, project_id int default 2, body text, foreign key (tenant_id, project_id) references app.project on delete set default);
insert into app.remark values ('11111111-1111-1111-1111-111111111111', 1, 1, 'moved from A');
alter table app.remark enable row level security, force row level security;
create policy tenant on app.remark using (tenant_id = app.tenant());
grant select on app.remark to wt_app;
-- exploit
delete from app.task;
delete from app.project where id = 1;
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.remark where body = 'moved from A');

-- defect: an update of the parent moves the children
-- finds: WTI061 remark
create table app.topic (tenant_id uuid not null, id int, primary key (tenant_id, id));
insert into app.topic values ('11111111-1111-1111-1111-111111111111', 1);
create table app.remark (tenant_id uuid not null, topic_id int, body text, foreign key (tenant_id, topic_id) references app.topic on update cascade);
insert into app.remark values ('11111111-1111-1111-1111-111111111111', 1, 'moved from A');
alter table app.topic enable row level security, force row level security;
create policy tenant on app.topic using (tenant_id = app.tenant()) with check (true);
alter table app.remark enable row level security, force row level security;
create policy tenant on app.remark using (tenant_id = app.tenant());
grant select, update on app.topic to wt_app;
grant select on app.remark to wt_app;
-- exploit
update app.topic set tenant_id = '22222222-2222-2222-2222-222222222222';
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.remark where body = 'moved from A');

-- defect: the triggers of a foreign key are disabled
-- finds: WTI062 task
alter table app.task disable trigger all;
-- exploit
insert into app.task values ('11111111-1111-1111-1111-111111111111', 9, 2, 'hangs on nothing');
select true;

-- defect: a composite key is not checked without a tenant
-- finds: WTI062 remark
create table app.remark (tenant_id uuid, id int, project_id int, foreign key (tenant_id, project_id) references app.project);
alter table app.remark enable row level security, force row level security;
create policy tenant on app.remark using (tenant_id = app.tenant() or tenant_id is null);
grant select, insert on app.remark to wt_app;
-- exploit
insert into app.remark values (null, 1, 999);
select true;

-- defect: a unique column without the tenant
-- finds: WTI063 person
create table app.person (tenant_id uuid not null, id int, email text unique, primary key (tenant_id, id));
alter table app.person enable row level security, force row level security;
create policy tenant on app.person using (tenant_id = app.tenant());
grant select, insert on app.person to wt_app;
insert into app.person values ('22222222-2222-2222-2222-222222222222', 1, 'b@example.com');
-- exploit
do $$ begin
  insert into app.person values ('11111111-1111-1111-1111-111111111111', 1, 'b@example.com');
exception when unique_violation then
  perform set_config('test.leak', 'yes', true);
end $$;
select current_setting('test.leak', true) = 'yes';

-- defect: a unique expression without the tenant
-- finds: WTI063 person
create table app.person (tenant_id uuid not null, id int, email text, primary key (tenant_id, id));
create unique index person_mail on app.person (lower(email));
alter table app.person enable row level security, force row level security;
create policy tenant on app.person using (tenant_id = app.tenant());
grant select, insert on app.person to wt_app;
insert into app.person values ('22222222-2222-2222-2222-222222222222', 1, 'b@example.com');
-- exploit
insert into app.person values ('11111111-1111-1111-1111-111111111111', 1, 'B@example.com') on conflict do nothing;
select not exists (select from app.person);

-- defect: a partial unique index without the tenant
-- finds: WTI063 person
create table app.person (tenant_id uuid not null, id int, email text, active boolean, primary key (tenant_id, id));
create unique index person_mail on app.person (email) where active;
alter table app.person enable row level security, force row level security;
create policy tenant on app.person using (tenant_id = app.tenant());
grant select, insert on app.person to wt_app;
insert into app.person values ('22222222-2222-2222-2222-222222222222', 1, 'b@example.com', true);
-- exploit
insert into app.person values ('11111111-1111-1111-1111-111111111111', 1, 'b@example.com', true) on conflict do nothing;
select not exists (select from app.person);

-- defect: the tenant is only included in a unique index
-- finds: WTI063 person
create table app.person (tenant_id uuid not null, id int, email text, primary key (tenant_id, id));
create unique index person_mail on app.person (email) include (tenant_id);
alter table app.person enable row level security, force row level security;
create policy tenant on app.person using (tenant_id = app.tenant());
grant select, insert on app.person to wt_app;
insert into app.person values ('22222222-2222-2222-2222-222222222222', 1, 'b@example.com');
-- exploit
insert into app.person values ('11111111-1111-1111-1111-111111111111', 1, 'b@example.com') on conflict do nothing;
select not exists (select from app.person);

-- defect: a natural primary key without the tenant
-- finds: WTI063 domain_name
create table app.domain_name (tenant_id uuid not null, name text primary key);
alter table app.domain_name enable row level security, force row level security;
create policy tenant on app.domain_name using (tenant_id = app.tenant());
grant select, insert on app.domain_name to wt_app;
insert into app.domain_name values ('22222222-2222-2222-2222-222222222222', 'b.example.com');
-- exploit
insert into app.domain_name values ('11111111-1111-1111-1111-111111111111', 'b.example.com') on conflict do nothing;
select not exists (select from app.domain_name);

-- defect: a unique constraint that may be updated into
-- finds: WTI063 person
create table app.person (tenant_id uuid not null, id int, phone text unique deferrable initially deferred, primary key (tenant_id, id));
alter table app.person enable row level security, force row level security;
create policy tenant on app.person using (tenant_id = app.tenant());
grant select, update (phone) on app.person to wt_app;
insert into app.person values ('22222222-2222-2222-2222-222222222222', 1, '1'), ('11111111-1111-1111-1111-111111111111', 1, '2');
-- exploit
do $$ begin
  update app.person set phone = '1';
  set constraints all immediate;
exception when unique_violation then
  perform set_config('test.leak', 'yes', true);
end $$;
select current_setting('test.leak', true) = 'yes';

-- defect: an exclusion constraint without the tenant
-- finds: WTI064 booking
create table app.booking (tenant_id uuid not null, during tsrange, exclude using gist (during with &&));
alter table app.booking enable row level security, force row level security;
create policy tenant on app.booking using (tenant_id = app.tenant());
grant select, insert on app.booking to wt_app;
insert into app.booking values ('22222222-2222-2222-2222-222222222222', '[2026-01-01, 2026-02-01)');
-- exploit
insert into app.booking values ('11111111-1111-1111-1111-111111111111', '[2026-01-15, 2026-01-16)') on conflict do nothing;
select not exists (select from app.booking);

-- defect: an exclusion constraint that excludes other tenants
-- finds: WTI064 booking
create extension btree_gist schema public;
create table app.booking (tenant_id uuid not null, room int, exclude using gist (room with =, tenant_id with <>));
alter table app.booking enable row level security, force row level security;
create policy tenant on app.booking using (tenant_id = app.tenant());
grant select, insert on app.booking to wt_app;
insert into app.booking values ('22222222-2222-2222-2222-222222222222', 1);
-- exploit
insert into app.booking values ('11111111-1111-1111-1111-111111111111', 1) on conflict do nothing;
select not exists (select from app.booking);

-- defect: a check asks a function that sees all tenants
-- finds: WTI065 lead
create function app.mail_free(e text) returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select not exists (select from app.customer where email = e) $$;
create table app.lead (tenant_id uuid not null, id int, email text check (app.mail_free(email)), primary key (tenant_id, id));
alter table app.lead enable row level security, force row level security;
create policy tenant on app.lead using (tenant_id = app.tenant());
grant select, insert on app.lead to wt_app;
-- exploit
do $$ begin
  insert into app.lead values ('11111111-1111-1111-1111-111111111111', 1, 'b@example.com');
exception when check_violation then
  perform set_config('test.leak', 'yes', true);
end $$;
select current_setting('test.leak', true) = 'yes';

-- defect: a default asks a function that sees all tenants
-- finds: WTI065 lead
create function app.next_number() returns int language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select count(*)::int from app.customer $$;
create table app.lead (tenant_id uuid not null, id int default app.next_number());
alter table app.lead enable row level security, force row level security;
create policy tenant on app.lead using (tenant_id = app.tenant());
grant select, insert on app.lead to wt_app;
-- exploit
insert into app.lead (tenant_id) values ('11111111-1111-1111-1111-111111111111');
select id > (select count(*) from app.customer) from app.lead;
