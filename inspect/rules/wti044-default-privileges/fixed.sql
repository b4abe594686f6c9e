alter default privileges for role wt_owner in schema app revoke select, insert on tables from wt_app;
