create function app.note_tenant() returns trigger language plpgsql as $$ begin perform new.tenant_id; return null; end $$;
create constraint trigger late after insert on app.doc deferrable initially deferred for each row execute function app.note_tenant();
