revoke trigger on app.doc from wt_app;
