do $$ begin execute format('grant connect on database %I to wt_app', current_database()); end $$;
