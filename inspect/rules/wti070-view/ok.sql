set local role wt_owner;
create view app.titles as select title from app.doc;
reset role;
grant select on app.titles to wt_app;
