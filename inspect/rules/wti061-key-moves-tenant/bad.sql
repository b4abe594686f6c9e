create table app.note (tenant_id uuid, id uuid primary key, doc_id uuid, foreign key (tenant_id, doc_id) references app.doc on delete set null);
alter table app.note enable row level security;
create policy tenant on app.note using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on app.note to wt_app;
