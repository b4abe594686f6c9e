create table app.note (tenant_id uuid not null, body text);
