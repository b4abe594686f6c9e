create extension dblink schema app;
