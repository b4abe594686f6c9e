create or replace function app.bump() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as
  $$ begin update app.stat set n = n + 1 where title = new.title; return new; end $$;
