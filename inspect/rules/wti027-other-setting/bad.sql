create table app.note (tenant_id uuid not null);
alter table app.note enable row level security;
create policy tenant on app.note using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
grant select on app.note to wt_app;
create table app.other (like app.doc including all);
alter table app.other enable row level security;
create policy tenant on app.other using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
