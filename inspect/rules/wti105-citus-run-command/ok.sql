create function app.run_command_on_paper(command text) returns text language sql as 'select command';
