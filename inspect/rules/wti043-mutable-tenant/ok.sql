grant update (secret) on app.doc to wt_app;
