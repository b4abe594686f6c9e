create procedure app.batch() language plpgsql as $$ begin update app.doc set title = 'x'; commit; update app.doc set title = 'y'; end $$;
