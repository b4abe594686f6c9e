alter table app.note alter column tenant_id set not null;
