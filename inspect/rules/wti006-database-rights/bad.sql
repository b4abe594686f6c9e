do $$ begin execute format('grant create on database %I to wt_app', current_database()); end $$;
