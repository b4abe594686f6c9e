create role wt_operator createrole;
