revoke select on app.history from wt_app;
