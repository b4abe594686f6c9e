create function app.search(q text) returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select title from app.doc where title = q $$;
