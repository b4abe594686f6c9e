alter role wt_app nocreaterole;
