alter default privileges for role wt_owner in schema app grant select, insert on tables to wt_app;
