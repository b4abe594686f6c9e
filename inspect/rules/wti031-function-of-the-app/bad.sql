create function app.tenant() returns uuid language sql stable as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;
alter function app.tenant() owner to wt_app;
drop policy tenant on app.doc;
create policy tenant on app.doc using (tenant_id = app.tenant());
