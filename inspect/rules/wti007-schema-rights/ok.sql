create schema private;
grant usage on schema private to wt_app;
