create function app.guard() returns event_trigger language plpgsql as $$ begin end $$;
alter function app.guard() owner to wt_app;
create event trigger guard on ddl_command_end execute function app.guard();
