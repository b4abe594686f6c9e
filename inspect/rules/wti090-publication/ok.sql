create table app.country (code text primary key);
create publication countries for table app.country;
