create table app.booking (tenant_id uuid not null, room int4range not null, exclude using gist (room with &&));
alter table app.booking enable row level security;
create policy tenant on app.booking using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on app.booking to wt_app;
