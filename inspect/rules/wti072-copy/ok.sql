create table app.country (code text);
create materialized view app.countries as select * from app.country;
grant select on app.countries to wt_app;
