create table app.doc_tag (doc_tenant uuid, doc_id uuid, tag text, foreign key (doc_tenant, doc_id) references app.doc);
grant select, insert on app.doc_tag to wt_app;
