create role wt_migrator login;
grant wt_owner to wt_migrator;
