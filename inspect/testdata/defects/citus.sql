-- Without a cluster, the part of its catalogue that the rules read is made by
-- hand, and so is the shard: with the policies as Citus writes them there.

-- defect: a restrictive policy of a distributed table is permissive on its shards
-- finds: WTI100 tenant_only
set local allow_system_table_mods = on;
create table pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char", partkey text, colocationid int, repmodel "char");
insert into pg_catalog.pg_dist_partition values ('app.customer', 'h', '{VAR :varno 1 :varattno 1 :vartype 2950}', 1, 's');
drop policy tenant_isolation on app.customer;
create policy anyone on app.customer using (true);
create policy tenant_only on app.customer as restrictive using (tenant_id = app.tenant());
create table app.customer_102008 as select * from app.customer;
alter table app.customer_102008 enable row level security, force row level security;
create policy anyone on app.customer_102008 using (true);
create policy tenant_only on app.customer_102008 using (tenant_id = app.tenant());
grant select on app.customer_102008 to wt_app;
-- exploit
select exists (select from app.customer_102008 where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the application may run commands on the nodes of a cluster
-- finds: WTI105 run_command_on_shards
create function pg_catalog.run_command_on_shards(table_name regclass, command text, parallel bool default true,
  out shardid bigint, out success bool, out result text) returns setof record language sql as 'select 1::bigint, true, command';
