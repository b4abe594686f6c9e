-- The part of Citus's catalogue that the rule reads.
set local allow_system_table_mods = on;
create table pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char", partkey text, colocationid int, repmodel "char");
insert into pg_catalog.pg_dist_partition values ('app.doc', 'h', '{VAR :varno 1 :varattno 2 :vartype 2950}', 1, 's');
