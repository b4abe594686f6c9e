do $$ begin execute format('revoke create on database %I from wt_app', current_database()); end $$;
