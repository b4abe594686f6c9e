create function app.note_tenant() returns trigger language plpgsql as $$ begin perform current_setting('app.tenant_id', true); return null; end $$;
create constraint trigger late after insert on app.doc deferrable initially deferred for each row execute function app.note_tenant();
