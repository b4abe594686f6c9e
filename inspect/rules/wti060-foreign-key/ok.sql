create table app.country (code text primary key);
create table app.address (tenant_id uuid not null references app.tenants, id uuid primary key, country text references app.country);
alter table app.address enable row level security;
create policy tenant on app.address using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on app.address to wt_app;
grant select on app.country to wt_app;
