create table app.event (tenant_id uuid not null, at date not null, body text) partition by range (at);
create table app.event_2026 partition of app.event for values from ('2026-01-01') to ('2027-01-01');
alter table app.event enable row level security, force row level security;
create policy tenant on app.event using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on app.event to wt_app;
