revoke usage on foreign server elsewhere from wt_app;
