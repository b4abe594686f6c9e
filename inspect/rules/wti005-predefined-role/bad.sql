grant pg_read_server_files to wt_app;
