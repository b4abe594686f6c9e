create table app.note (tenant_id text not null, body text);
alter table app.note enable row level security;
create policy tenant on app.note using (tenant_id = nullif(current_setting('app.tenant_id', true), ''));
grant select on app.note to wt_app;
