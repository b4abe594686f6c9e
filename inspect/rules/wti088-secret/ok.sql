do $$ begin execute format('alter database %I set app.region = %L', current_database(), 'eu-central-1'); end $$;
