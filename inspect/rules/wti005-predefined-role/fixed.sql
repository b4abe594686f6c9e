revoke pg_read_server_files from wt_app;
