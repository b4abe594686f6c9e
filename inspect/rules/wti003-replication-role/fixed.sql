alter role wt_app noreplication;
