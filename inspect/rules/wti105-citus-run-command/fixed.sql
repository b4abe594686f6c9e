revoke execute on function pg_catalog.run_command_on_workers(text) from public;
