create function app.touch() returns trigger language plpgsql as $$ begin new.title := trim(new.title); return new; end $$;
create trigger touch before insert on app.doc for each row execute function app.touch();
