revoke insert on app.member from wt_app;
