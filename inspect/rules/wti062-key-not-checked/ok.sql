create table app.note (tenant_id uuid, id uuid primary key, doc_id uuid, foreign key (tenant_id, doc_id) references app.doc match full);
