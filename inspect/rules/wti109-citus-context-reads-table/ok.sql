create function app.tenant() returns uuid language plpgsql stable as $$ begin return (select id from app.tenants where name = current_setting('app.tenant_id', true)); end $$;
alter policy tenant on app.doc using (tenant_id = app.tenant());
