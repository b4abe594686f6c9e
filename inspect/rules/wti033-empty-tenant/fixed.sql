alter table app.note add check (tenant_id <> '');
