drop policy tenant on app.doc;
create policy tenant on app.doc using (tenant_id::text = current_setting('application_name'));
