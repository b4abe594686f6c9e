-- The tables of the other ways, in a database without Watertight. All tables of
-- the comparison have the same columns, keys and rows.
create schema bench;
create table bench.tenants (id uuid primary key);

-- The floor: no row-level security, the application writes the clause.
create table bench.plain (
  tenant_id uuid not null references bench.tenants (id),
  id        bigint not null,
  subject   text not null,
  amount    integer not null,
  at        timestamptz not null,
  primary key (tenant_id, id)
);
create index on bench.plain (tenant_id, at);

-- A policy over a setting that anybody who can send SQL can change.
create table bench.setting (like bench.plain including all);
alter table bench.setting add foreign key (tenant_id) references bench.tenants (id);
alter table bench.setting enable row level security, force row level security;
create policy tenant_isolation on bench.setting
  using (tenant_id = (select nullif(current_setting('bench.tenant', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('bench.tenant', true), '')::uuid));

-- A policy over the role, whose name ends in the tenant.
create table bench.role (like bench.plain including all);
alter table bench.role add foreign key (tenant_id) references bench.tenants (id);
alter table bench.role enable row level security, force row level security;
create policy tenant_isolation on bench.role
  using (tenant_id = (select right(current_user, 36)::uuid))
  with check (tenant_id = (select right(current_user, 36)::uuid));
