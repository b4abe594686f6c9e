create function app.enter(t uuid) returns void language sql as $$ select set_config('app.tenant_id', t::text, true) $$;
