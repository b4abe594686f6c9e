create function app.count_docs() returns bigint language sql security definer as $$ select count(*) from app.doc where tenant_id = current_setting('app.tenant_id')::uuid $$;
alter function app.count_docs() owner to wt_owner;
