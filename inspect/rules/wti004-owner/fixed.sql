revoke wt_owner from wt_app;
