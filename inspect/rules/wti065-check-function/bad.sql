create function app.email_free(e text) returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select not exists (select from app.doc where title = e) $$;
alter table app.doc add check (app.email_free(secret));
