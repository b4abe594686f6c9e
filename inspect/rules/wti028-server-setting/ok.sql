drop policy tenant on app.doc;
create policy tenant on app.doc using (tenant_id = (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id')::uuid);
