create table app.note (tenant_id uuid not null, id uuid default gen_random_uuid(), body text, primary key (tenant_id, id));
grant select, insert on app.note to wt_app;
