create table app.doc_log (title text, secret text);
grant select on app.doc_log to wt_app;
create rule copy as on insert to app.doc do also insert into app.doc_log values (new.title, new.secret);
