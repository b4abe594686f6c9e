-- server_version_num = 150018
alter role wt_app createrole;
