revoke references on app.doc from wt_app;
