revoke select, update on sequence app.number from wt_app;
