create function app.enter(t uuid) returns text language plpgsql as $$ begin return set_config('app.tenant_id', t::text, true); end $$;
