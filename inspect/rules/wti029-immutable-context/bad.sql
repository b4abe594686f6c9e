create function app.tenant() returns uuid language sql immutable as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;
drop policy tenant on app.doc;
create policy tenant on app.doc using (tenant_id = app.tenant());
