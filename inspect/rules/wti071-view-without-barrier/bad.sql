create view app.mine as select * from app.doc where tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid;
grant select on app.mine to wt_app;
do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$;
