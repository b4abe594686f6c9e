alter table app.note alter column tenant_id drop default;
