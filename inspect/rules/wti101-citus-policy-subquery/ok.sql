alter policy tenant on app.doc using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
