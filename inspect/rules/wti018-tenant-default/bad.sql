create table app.note (tenant_id uuid not null default '11111111-1111-1111-1111-111111111111', body text);
