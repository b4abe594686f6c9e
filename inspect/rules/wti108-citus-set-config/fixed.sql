-- profile: citus
drop function app.enter(uuid);
create function app.enter(t uuid) returns void language plpgsql as $$ begin execute format('set local app.tenant_id = %L', t::text); end $$;
