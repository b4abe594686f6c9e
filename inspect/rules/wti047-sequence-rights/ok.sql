create sequence app.number;
grant usage on sequence app.number to wt_app;
