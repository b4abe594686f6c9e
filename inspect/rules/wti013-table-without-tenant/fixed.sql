drop table app.doc_tag;
create table app.doc_tag (tenant_id uuid not null, doc_id uuid not null, tag text, primary key (tenant_id, doc_id, tag), foreign key (tenant_id, doc_id) references app.doc);
alter table app.doc_tag enable row level security, force row level security;
create policy tenant on app.doc_tag using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on app.doc_tag to wt_app;
