update pg_catalog.pg_dist_partition set partkey = replace(partkey, 'varattno 2', 'varattno 1');
