create table app.folder (tenant_id uuid not null, id uuid primary key);
create table app.file (tenant_id uuid not null, id uuid primary key, folder_id uuid references app.folder (id));
alter table app.folder enable row level security;
alter table app.file enable row level security;
create policy tenant on app.folder using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
create policy tenant on app.file using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on app.folder, app.file to wt_app;
