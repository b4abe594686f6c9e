create function app.count_docs() returns bigint language plpgsql security definer as
  $$ begin return (select count(*) from doc where tenant_id = current_setting('app.tenant_id')::uuid); end $$;
alter function app.count_docs() owner to wt_owner;
do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$;
