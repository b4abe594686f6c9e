create function app.find(q text) returns setof text language plpgsql security definer set search_path = pg_catalog, pg_temp as
  $$ begin return query execute 'select title from app.doc where title = $1' using q; end $$;
alter function app.find(text) owner to wt_owner;
