alter role wt_app nobypassrls;
