create table app.note (tenant_id uuid not null);
alter table app.note enable row level security;
create policy tenant on app.note using (current_setting('app.tenant_id', true) <> '' and tenant_id = current_setting('app.tenant_id')::uuid);
grant select on app.note to wt_app;
