create function app.helper() returns int language sql as $$ select 1 $$;
alter function app.helper() owner to wt_app;
