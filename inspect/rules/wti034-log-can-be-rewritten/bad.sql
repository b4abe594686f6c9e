create table app.audit_log (tenant_id uuid not null, entry text);
alter table app.audit_log enable row level security;
create policy tenant on app.audit_log using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, delete on app.audit_log to wt_app;
