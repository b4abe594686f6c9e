create function app.tenant() returns uuid language plpgsql stable as
  $$ begin return nullif(current_setting('app.tenant_id', true), '')::uuid; end $$;
drop policy tenant on app.doc;
create policy tenant on app.doc using (tenant_id = app.tenant());
