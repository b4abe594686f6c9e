revoke select on app.totals from wt_app;
