revoke set on parameter session_replication_role from wt_app;
