create role wt_other nologin;
grant select on app.doc to wt_other;
