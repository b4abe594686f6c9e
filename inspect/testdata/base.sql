-- What every example of a rule begins with: a schema that no rule objects to.
create schema app authorization wt_owner;
grant usage on schema app to wt_app;
set local role wt_owner;
create table app.tenants (id uuid primary key, name text not null);
create table app.doc (
  tenant_id uuid not null references app.tenants,
  id        uuid not null default gen_random_uuid(),
  title     text,
  secret    text,
  primary key (tenant_id, id)
);
alter table app.doc enable row level security, force row level security;
create policy tenant on app.doc using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, delete, update (title, secret) on app.doc to wt_app;
reset role;
