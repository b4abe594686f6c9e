drop policy all_of_them on app.tenants;
create policy own on app.tenants using (id = nullif(current_setting('app.tenant_id', true), '')::uuid);
