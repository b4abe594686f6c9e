-- The part of Citus's catalogue that the rule reads.
set local allow_system_table_mods = on;
create table pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char", partkey text, colocationid int, repmodel "char");
create table app.note (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table app.note enable row level security, force row level security;
create policy tenant on app.note using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select on app.note to wt_app;
insert into pg_catalog.pg_dist_partition values ('app.doc', 'h', '{VAR :varno 1 :varattno 1 :vartype 2950}', 1, 's'), ('app.note', 'h', '{VAR :varno 1 :varattno 1 :vartype 2950}', 2, 's');
