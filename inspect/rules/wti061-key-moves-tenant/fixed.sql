alter table app.note drop constraint note_tenant_id_doc_id_fkey, add foreign key (tenant_id, doc_id) references app.doc on delete set null (doc_id);
