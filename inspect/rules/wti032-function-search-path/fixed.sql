alter function app.count_docs() set search_path = pg_catalog, pg_temp;
