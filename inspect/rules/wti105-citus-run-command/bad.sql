create function pg_catalog.run_command_on_workers(command text) returns text language sql as 'select command';
