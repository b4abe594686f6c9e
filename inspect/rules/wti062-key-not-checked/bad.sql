create table app.note (tenant_id uuid not null, id uuid primary key, doc_id uuid, foreign key (tenant_id, doc_id) references app.doc);
alter table app.note disable trigger all;
