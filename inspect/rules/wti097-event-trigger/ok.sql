create function app.guard() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger guard on ddl_command_end execute function app.guard();
