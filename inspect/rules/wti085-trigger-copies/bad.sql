create table app.history (at timestamptz default now(), row_data text);
grant select on app.history to wt_app;
create function app.keep() returns trigger language plpgsql as $$ begin insert into app.history (row_data) values (new.secret); return new; end $$;
create trigger keep after insert on app.doc for each row execute function app.keep();
