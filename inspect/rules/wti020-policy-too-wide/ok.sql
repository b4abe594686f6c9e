create policy narrow on app.doc as restrictive using (title is not null);
create role wt_support nologin;
create policy support on app.doc to wt_support using (true);
