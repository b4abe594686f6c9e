grant wt_owner to wt_app;
