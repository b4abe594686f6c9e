revoke update on app.doc from wt_app;
grant update (title) on app.doc to wt_app;
