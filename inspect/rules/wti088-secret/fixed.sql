do $$ begin execute format('alter database %I reset app.jwt_secret', current_database()); end $$;
