drop extension dblink;
