alter role wt_app set search_path = '';
alter role wt_app set statement_timeout = '30s';
