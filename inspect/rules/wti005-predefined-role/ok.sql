create role wt_ops login;
grant pg_monitor to wt_ops;
