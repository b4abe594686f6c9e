revoke insert, update on app.plan from wt_app;
