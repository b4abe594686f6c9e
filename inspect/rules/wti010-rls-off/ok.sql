create table app.archive (tenant_id uuid not null, body text);
