alter table app.tenants enable row level security;
create policy own on app.tenants for select using (id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select on app.tenants to wt_app;
