create table app.plan (code text primary key, price int);
grant select, insert, update on app.plan to wt_app;
