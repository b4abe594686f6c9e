create foreign data wrapper wt_wrapper;
create server elsewhere foreign data wrapper wt_wrapper;
