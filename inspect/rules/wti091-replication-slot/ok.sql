create role wt_replica login replication;
