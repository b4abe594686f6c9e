create table app.note (tenant_id uuid not null, at timestamptz default now());
