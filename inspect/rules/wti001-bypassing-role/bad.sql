alter role wt_app bypassrls;
