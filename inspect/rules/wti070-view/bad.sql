create view app.titles as select title from app.doc;
grant select on app.titles to wt_app;
