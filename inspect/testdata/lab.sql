-- A tenant application as it should be. Every defect is planted in this schema,
-- and every exploit is tried on it first, where it must fail.
create schema app authorization wt_owner;
grant usage on schema app to wt_app;
set local role wt_owner;

create function app.tenant() returns uuid language sql stable
  return nullif(current_setting('app.tenant_id', true), '')::uuid;
revoke all on function app.tenant() from public;
grant execute on function app.tenant() to wt_app;

create table app.tenants (id uuid primary key, name text not null);
create table app.plan (code text primary key, price int not null);
create table app.customer (
  tenant_id uuid not null references app.tenants,
  id        int not null,
  email     text not null,
  secret    text,
  primary key (tenant_id, id),
  unique (tenant_id, email)
);
create table app.project (
  tenant_id uuid not null references app.tenants,
  id        int not null,
  name      text not null,
  primary key (tenant_id, id)
);
create table app.task (
  tenant_id  uuid not null references app.tenants,
  id         int not null,
  project_id int,
  title      text,
  primary key (tenant_id, id),
  foreign key (tenant_id, project_id) references app.project on delete cascade
);
create table app.member (
  tenant_id uuid not null references app.tenants,
  usr       text not null,
  primary key (tenant_id, usr)
);

insert into app.tenants values ('11111111-1111-1111-1111-111111111111', 'A'), ('22222222-2222-2222-2222-222222222222', 'B');
insert into app.plan values ('free', 0), ('paid', 10);
insert into app.customer values
  ('11111111-1111-1111-1111-111111111111', 1, 'a@example.com', 'secret of A'),
  ('22222222-2222-2222-2222-222222222222', 2, 'b@example.com', 'secret of B');
insert into app.project values ('11111111-1111-1111-1111-111111111111', 1, 'A1'), ('22222222-2222-2222-2222-222222222222', 2, 'B1');
insert into app.task values ('11111111-1111-1111-1111-111111111111', 1, 1, 'A1'), ('22222222-2222-2222-2222-222222222222', 2, 2, 'B1');
insert into app.member values ('11111111-1111-1111-1111-111111111111', 'alice'), ('22222222-2222-2222-2222-222222222222', 'bob');

do $$
declare
  t regclass;
begin
  foreach t in array '{app.customer,app.project,app.task,app.member}'::regclass[] loop
    execute format('alter table %s enable row level security, force row level security', t);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select app.tenant())) with check (tenant_id = (select app.tenant()))', t);
  end loop;
end $$;
alter table app.tenants enable row level security, force row level security;
create policy own on app.tenants for select using (id = (select app.tenant()));
grant select on app.tenants, app.plan, app.member to wt_app;
grant select, insert, delete on app.customer, app.project, app.task to wt_app;
grant update (email, secret) on app.customer to wt_app;
grant update (name) on app.project to wt_app;
grant update (project_id, title) on app.task to wt_app;
reset role;
