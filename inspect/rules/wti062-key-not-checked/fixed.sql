alter table app.note enable trigger all;
