create function app.demo() returns setof text language sql stable set app.tenant_id = '22222222-2222-2222-2222-222222222222' as $$ select title from app.doc $$;
