drop policy own on app.doc;
alter policy tenant on app.doc using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid and title is not null);
