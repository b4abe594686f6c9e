revoke truncate on app.doc from wt_app;
