create table app.log (tenant_id uuid not null, body text);
