create function app.tenant() returns uuid language sql stable as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;
create table app.note (tenant_id uuid not null);
alter table app.note enable row level security;
create policy tenant on app.note using (tenant_id = app.tenant());
grant select on app.note to wt_app;
