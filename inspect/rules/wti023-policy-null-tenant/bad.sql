create table app.note (tenant_id uuid, body text);
alter table app.note enable row level security;
create policy tenant on app.note using (tenant_id is null or tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on app.note to wt_app;
