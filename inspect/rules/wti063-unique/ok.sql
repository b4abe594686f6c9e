create table app.person (tenant_id uuid not null, id uuid default gen_random_uuid(), email text not null, primary key (tenant_id, id));
create unique index person_email on app.person (lower(email), tenant_id);
alter table app.person enable row level security;
create policy tenant on app.person using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on app.person to wt_app;
