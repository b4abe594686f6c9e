create table app.blog (tenant_id uuid not null, entry text);
alter table app.blog enable row level security;
create policy tenant on app.blog using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, delete on app.blog to wt_app;
