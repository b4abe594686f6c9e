create table app.local (tenant_id uuid not null);
