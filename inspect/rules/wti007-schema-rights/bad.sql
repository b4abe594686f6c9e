grant create on schema app to wt_app;
