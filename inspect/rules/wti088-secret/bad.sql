do $$ begin execute format('alter database %I set app.jwt_secret = %L', current_database(), 'correct horse battery staple'); end $$;
