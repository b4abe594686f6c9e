alter role wt_app createrole;
