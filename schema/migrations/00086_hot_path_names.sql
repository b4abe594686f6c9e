-- +goose Up
-- enter() and tenant() no longer set a search_path of their own, which cost every
-- statement about a tenth of its work on the server: docs/design/070. They name
-- the schema of everything instead, operators and types too, so whatever path a
-- session has, they mean the same (PostgreSQL, CREATE FUNCTION, "Writing SECURITY
-- DEFINER Functions Safely"). What is rare stays behind a path of its own.

-- +goose StatementBegin
create function watertight.tenant_otherwise() returns uuid
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
declare
  scope text := (watertight.context())[3];
  state text;
begin
  if scope in ('all', 'list') then
    raise exception 'the context names no tenant'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  select t.status into state from watertight.tenants t where t.id = scope::uuid and t.status in ('moving', 'closing');
  if state is not null and not pg_has_role(session_user, 'watertight_lifecycle', 'member') then
    raise exception 'the tenant is %', state
      using errcode = '42501', constraint = 'watertight_tenant_' || state;
  end if;
  return scope::uuid;
end $$;
-- +goose StatementEnd
comment on function watertight.tenant_otherwise() is
  'What tenant() does with a context that is not plainly valid: says why not, or lets the lifecycle role into a closed tenant.';
alter function watertight.tenant_otherwise() owner to watertight_context;
revoke all on function watertight.tenant_otherwise() from public;

-- +goose StatementBegin
create function watertight.context_bound(mode text) returns text
  language plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp
as $$
begin
  return case mode when 's' then pg_backend_pid()::text when 'x' then watertight.challenge() when 'u' then '' end;
end $$;
-- +goose StatementEnd
comment on function watertight.context_bound(text) is
  'What a context of this mode is bound to here: this backend, this transaction, or nothing. Null for any other mode.';
alter function watertight.context_bound(text) owner to watertight_context;
revoke all on function watertight.context_bound(text) from public;

-- +goose StatementBegin
create or replace function watertight.tenant() returns uuid
  language plpgsql stable parallel restricted security definer
as $$
declare
  part pg_catalog.text[] := pg_catalog.string_to_array(pg_catalog.current_setting('watertight.context', true), '.');
  mac  pg_catalog.text;
  shut pg_catalog.uuid[];
begin
  -- What context() does, with few calls: every policy calls this in every
  -- statement, and Postgres looks up the right to each function each time.
  select pg_catalog.encode(pg_catalog.sha256(k.okey operator(pg_catalog.||) pg_catalog.sha256(k.ikey operator(pg_catalog.||)
      pg_catalog.convert_to(pg_catalog.array_to_string(part[1:7], '.') operator(pg_catalog.||) '|'::pg_catalog.text operator(pg_catalog.||)
        case when part[5] operator(pg_catalog.=) 's' then pg_catalog.pg_backend_pid()::pg_catalog.text
        else watertight.context_bound(part[5]) end, 'UTF8'))), 'hex'), k.shut
    into mac, shut
    from watertight.context_key k
    where k.kid operator(pg_catalog.=) part[2] and k.not_after operator(pg_catalog.>) pg_catalog.transaction_timestamp();
  -- First one machine word of each, so that the time of the comparison does not
  -- say how much of a guess is right. Nothing that stands behind it is looked at
  -- before it was true.
  if pg_catalog.hashtextextended(mac, 0) operator(pg_catalog.=) pg_catalog.hashtextextended(part[8], 0)
    and mac operator(pg_catalog.=) part[8] and part[1] operator(pg_catalog.=) 'w1' and part[9] is null
    and pg_catalog.to_timestamp(part[4]::pg_catalog.float8) operator(pg_catalog.>=) pg_catalog.transaction_timestamp()
    and pg_catalog.octet_length(part[3]) operator(pg_catalog.=) 36 and part[3]::pg_catalog.uuid operator(pg_catalog.<>) all (shut)
  then
    return part[3]::pg_catalog.uuid;
  end if;
  return watertight.tenant_otherwise();
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.enter_otherwise(token text) returns text
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('watertight.context', true) <> '' then
    raise exception 'a context is already set in this transaction'
      using errcode = '42501', constraint = 'watertight_context_once';
  end if;
  raise exception 'the tenant context is malformed'
    using errcode = '42501', constraint = 'watertight_context_invalid';
end $$;
-- +goose StatementEnd
comment on function watertight.enter_otherwise(text) is 'Says why enter() does not set a context.';
alter function watertight.enter_otherwise(text) owner to watertight_context;
revoke all on function watertight.enter_otherwise(text) from public;

-- What is wrong with a token, whatever verifies it finds; enter() looks at its
-- beginning only. Where it becomes a part of a statement, for Citus, its alphabet is
-- looked at too.
-- +goose StatementBegin
create or replace function watertight.install_enter(citus boolean) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $install$
begin
  if citus then
    execute $ddl$
      create or replace function watertight.enter(token text) returns void
        language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
      as $body$
      declare
        done text;
      begin
        if current_setting('watertight.context', true) <> '' or token is null or octet_length(token) > 4000
          or token !~ '\A[A-Za-z0-9._:=/+-]+\Z'
        then
          done := watertight.enter_otherwise(token);
        end if;
        execute format('set local watertight.context = %L', token);
        select t.status into done from watertight.tenants t
          where t.id::text = split_part(token, '.', 3) and t.status in ('moving', 'closing');
        if done is not null and not pg_has_role(session_user, 'watertight_lifecycle', 'member') then
          raise exception 'the tenant is %', done
            using errcode = '42501', constraint = 'watertight_tenant_' || done;
        end if;
      end $body$ $ddl$;
  else
    -- One expression, since each is prepared anew in every transaction.
    execute $ddl$
      create or replace function watertight.enter(token text) returns void
        language plpgsql volatile security definer
      as $body$
      declare
        done pg_catalog.text;
      begin
        done := case
          when coalesce(pg_catalog.current_setting('watertight.context', true), '') operator(pg_catalog.=) ''
            and pg_catalog.starts_with(token, 'w1.')
          then pg_catalog.set_config('watertight.context', token, true)
          else watertight.enter_otherwise(token)
        end;
      end $body$ $ddl$;
    execute 'alter function watertight.enter(text) reset search_path';
  end if;
  execute 'revoke all on function watertight.enter(text) from public';
  execute 'grant execute on function watertight.enter(text) to watertight_app, watertight_system';
end $install$;
-- +goose StatementEnd
select watertight.install_enter(watertight.profile() = 'citus');

-- The body for Citus names no schemas, so it keeps a path.
grant execute on function watertight.citus_tenant_source() to watertight_context;
-- +goose StatementBegin
create or replace function watertight.install_tenant(source text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('create or replace function watertight.tenant() returns uuid
    language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp as %L', source);
  if source <> watertight.citus_tenant_source() then
    alter function watertight.tenant() reset search_path;
  end if;
end $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function watertight.install_tenant(source text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('create or replace function watertight.tenant() returns uuid
    language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp as %L', source);
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight.install_enter(citus boolean) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $install$
begin
  execute format($ddl$
    create or replace function watertight.enter(token text) returns void
      language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
    as $body$
    declare
      done text;
    begin
      if current_setting('watertight.context', true) <> '' then
        raise exception 'a context is already set in this transaction'
          using errcode = '42501', constraint = 'watertight_context_once';
      end if;
      if token is null or octet_length(token) not between 1 and 4000 then
        raise exception 'the tenant context is malformed'
          using errcode = '42501', constraint = 'watertight_context_invalid';
      end if;
      %s
    end $body$ $ddl$,
    case when citus
      then $plain$if token !~ '\A[A-Za-z0-9._:=/+-]+\Z' then
        raise exception 'the tenant context is malformed'
          using errcode = '42501', constraint = 'watertight_context_invalid';
      end if;
      execute format('set local watertight.context = %L', token);
      select t.status into done from watertight.tenants t
        where t.id::text = split_part(token, '.', 3) and t.status in ('moving', 'closing');
      if done is not null and not pg_has_role(session_user, 'watertight_lifecycle', 'member') then
        raise exception 'the tenant is %', done
          using errcode = '42501', constraint = 'watertight_tenant_' || done;
      end if;$plain$
      else $plain$done := set_config('watertight.context', token, true);$plain$
    end);
  execute 'revoke all on function watertight.enter(text) from public';
  execute 'grant execute on function watertight.enter(text) to watertight_app, watertight_system';
end $install$;
-- +goose StatementEnd
select watertight.install_enter(watertight.profile() = 'citus');
-- +goose StatementBegin
create or replace function watertight.tenant() returns uuid
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
declare
  token text := current_setting('watertight.context', true);
  raw   bytea := convert_to(token, 'UTF8');
  scope text := split_part(token, '.', 3);
  mac   text;
  shut  uuid[];
  state text;
begin
  -- What context() does, without taking the token apart: every policy calls this
  -- in every statement. What is not plainly valid goes to context(), which says
  -- why not.
  select encode(sha256(k.okey || sha256(k.ikey || substr(raw, 1, greatest(length(raw) - 65, 0)) || convert_to('|' ||
      case split_part(token, '.', 5)
        when 's' then pg_backend_pid()::text
        when 'x' then pg_backend_pid()::text || ',' || (extract(epoch from transaction_timestamp()) * 1000000)::bigint::text
        when 'u' then ''
      end, 'UTF8'))), 'hex'), k.shut
    into mac, shut
    from watertight.context_key k
    where k.kid = split_part(token, '.', 2) and k.not_after > transaction_timestamp();
  -- The hashes first, as in context(). Nothing that stands behind the comparison
  -- is looked at before it was true.
  if mac is not null and hashtextextended(mac, 0) = hashtextextended(split_part(token, '.', 8), 0) and mac = split_part(token, '.', 8)
    and starts_with(token, 'w1.') and to_timestamp(split_part(token, '.', 4)::float8) >= transaction_timestamp()
    and octet_length(scope) = 36 and scope::uuid <> all (shut)
  then
    return scope::uuid;
  end if;
  scope := (watertight.context())[3];
  if scope in ('all', 'list') then
    raise exception 'the context names no tenant'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  if scope::uuid = any (shut) and not pg_has_role(session_user, 'watertight_lifecycle', 'member') then
    select t.status into state from watertight.tenants t where t.id = scope::uuid;
    raise exception 'the tenant is %', state
      using errcode = '42501', constraint = 'watertight_tenant_' || state;
  end if;
  return scope::uuid;
end $$;
-- +goose StatementEnd
revoke execute on function watertight.citus_tenant_source() from watertight_context;
drop function watertight.enter_otherwise(text);
drop function watertight.tenant_otherwise();
drop function watertight.context_bound(text);
