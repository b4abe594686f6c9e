create table app.note (tenant_id uuid, body text);
