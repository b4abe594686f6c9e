create function app.is_short(e text) returns boolean language sql immutable as $$ select length(e) < 100 $$;
alter table app.doc add check (app.is_short(secret));
