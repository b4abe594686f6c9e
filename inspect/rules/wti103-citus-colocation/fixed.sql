update pg_catalog.pg_dist_partition set colocationid = 1;
