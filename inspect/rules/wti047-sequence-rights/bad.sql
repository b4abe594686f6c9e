create sequence app.number;
grant select, update on sequence app.number to wt_app;
