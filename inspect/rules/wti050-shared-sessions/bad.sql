grant execute on function pg_catalog.pg_terminate_backend(int, bigint) to public;
