create role wt_reader nologin;
grant wt_reader to wt_app;
