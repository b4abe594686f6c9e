create extension citext schema app;
create extension pg_trgm schema app;
