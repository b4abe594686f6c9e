alter table app.note enable row level security, force row level security;
create policy tenant on app.note using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
