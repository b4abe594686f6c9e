create role wt_report nologin;
alter default privileges for role wt_owner in schema app grant select on tables to wt_report;
