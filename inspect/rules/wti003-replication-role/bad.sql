alter role wt_app replication;
