revoke delete on app.audit_log from wt_app;
