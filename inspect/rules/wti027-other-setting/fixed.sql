drop policy tenant on app.note;
create policy tenant on app.note using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
