create foreign data wrapper wt_wrapper;
create server elsewhere foreign data wrapper wt_wrapper;
grant usage on foreign server elsewhere to wt_app;
