drop function app.find(text);
create function app.find(q text) returns setof text language plpgsql set search_path = pg_catalog, pg_temp as
  $$ begin return query execute 'select title from app.doc where title = $1' using q; end $$;
