create function app.docs(tenant_id uuid) returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select title from app.doc where tenant_id = tenant_id $$;
