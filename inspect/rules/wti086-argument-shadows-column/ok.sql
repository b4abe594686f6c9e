create function app.docs() returns setof text language sql stable as $$ select title from app.doc $$;
