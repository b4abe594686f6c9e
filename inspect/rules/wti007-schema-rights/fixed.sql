revoke create on schema app from wt_app;
