create role wt_dba nologin;
grant select on pg_catalog.pg_statistic to wt_dba;
