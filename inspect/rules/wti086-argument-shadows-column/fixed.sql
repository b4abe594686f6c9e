drop function app.docs(uuid);
create function app.docs(p_tenant uuid) returns setof text language sql stable set search_path = pg_catalog, pg_temp as $$ select title from app.doc where tenant_id = p_tenant $$;
