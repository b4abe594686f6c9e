grant set on parameter session_replication_role to wt_app;
