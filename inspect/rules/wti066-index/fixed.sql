create index on app.note (tenant_id);
