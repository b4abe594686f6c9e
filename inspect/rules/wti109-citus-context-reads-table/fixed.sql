-- profile: citus
create or replace function app.tenant() returns uuid language plpgsql stable as $$ begin return nullif(current_setting('app.tenant_id', true), '')::uuid; end $$;
