grant update on app.doc to wt_app;
