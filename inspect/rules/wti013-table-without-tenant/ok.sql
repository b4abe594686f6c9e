create table app.country (code text primary key);
grant select on app.country to wt_app;
