alter role wt_reports nobypassrls;
