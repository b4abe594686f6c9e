create table app.note (tenant_id character(8) not null, body text);
