-- +goose Up
-- The signed tenant context: the key table, enter(), tenant() and what else
-- reads the context. The token's format stands in the documentation of
-- package tenancy; both sides must change together.

create table watertight.context_key (
  kid       text primary key check (kid ~ '^[a-z0-9]{1,16}$'),
  ikey      bytea not null check (length(ikey) = 64),
  okey      bytea not null check (length(okey) = 64),
  not_after timestamptz not null
);
comment on table watertight.context_key is
  'HMAC-SHA-256 pads (RFC 2104) of the live context keys. Readable by watertight_context only.';
alter table watertight.context_key owner to watertight_context;

-- +goose StatementBegin
create function watertight.add_context_key(p_kid text, p_secret bytea, p_not_after timestamptz) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  i bytea := '';
  o bytea := '';
  b int;
begin
  if length(p_secret) is distinct from 32 then
    raise exception 'a context key has 32 bytes' using errcode = '22023';
  end if;
  -- The two HMAC pads (RFC 2104) are stored instead of the key, so that
  -- verifying needs the built-in sha256 only.
  for n in 0..63 loop
    b := case when n < 32 then get_byte(p_secret, n) else 0 end;
    i := i || set_byte('\x00'::bytea, 0, b # 54);
    o := o || set_byte('\x00'::bytea, 0, b # 92);
  end loop;
  insert into watertight.context_key (kid, ikey, okey, not_after) values (p_kid, i, o, p_not_after);
end $$;
-- +goose StatementEnd
alter function watertight.add_context_key(text, bytea, timestamptz) owner to watertight_context;
revoke all on function watertight.add_context_key(text, bytea, timestamptz) from public;

-- +goose StatementBegin
create function watertight.retire_context_key(p_kid text, p_not_after timestamptz) returns boolean
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  update watertight.context_key set not_after = least(not_after, p_not_after) where kid = p_kid;
  return found;
end $$;
-- +goose StatementEnd
alter function watertight.retire_context_key(text, timestamptz) owner to watertight_context;
revoke all on function watertight.retire_context_key(text, timestamptz) from public;
grant execute on function watertight.add_context_key(text, bytea, timestamptz),
  watertight.retire_context_key(text, timestamptz) to watertight_migrator;

-- +goose StatementBegin
create function watertight.context() returns text[]
  language plpgsql stable parallel restricted
as $$
declare
  token text := current_setting('watertight.context', true);
  part  text[];
  ik    bytea;
  ok    bytea;
  bound text;
begin
  if token is null or token = '' then
    raise exception 'no tenant context is set in this transaction'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  part := string_to_array(token, '.');
  if array_length(part, 1) is distinct from 8 or part[1] <> 'w1' or length(part[8]) <> 64 then
    raise exception 'the tenant context is malformed'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  -- What the token is bound to is not written in it: this session puts in its
  -- own, so nothing is there to be parsed or compared wrongly.
  bound := case part[5]
    when 's' then pg_backend_pid()::text
    when 'x' then pg_backend_pid()::text || ',' || (extract(epoch from transaction_timestamp()) * 1000000)::bigint::text
    when 'u' then ''
  end;
  select ikey, okey into ik, ok from watertight.context_key
    where kid = part[2] and not_after > transaction_timestamp();
  -- Both sides are hashed once more under the key, so that the time of the
  -- comparison says nothing about the right value.
  if ik is null or bound is null or
    sha256(ok || convert_to(part[8], 'UTF8')) <>
    sha256(ok || convert_to(encode(sha256(ok || sha256(ik || convert_to(left(token, -65) || '|' || bound, 'UTF8'))), 'hex'), 'UTF8'))
  then
    raise exception 'the tenant context is not valid here'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  -- Against the start of the transaction, which nothing inside it can move: a
  -- long transaction that began in time may end.
  if part[4]::bigint < extract(epoch from transaction_timestamp()) then
    raise exception 'the tenant context had expired'
      using errcode = '42501', constraint = 'watertight_context_expired';
  end if;
  return part;
end $$;
-- +goose StatementEnd
comment on function watertight.context() is
  'The verified parts of this transaction''s context: w1, key id, scope, expiry, binding, action, claims, mac. Raises 42501 when the context is unset, malformed, forged, foreign or expired. Called by definer functions only.';
alter function watertight.context() owner to watertight_context;
revoke all on function watertight.context() from public;

-- +goose StatementBegin
create function watertight.tenant() returns uuid
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.context();
begin
  if part[3] in ('all', 'list') then
    raise exception 'the context names no tenant'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  return part[3]::uuid;
end $$;
-- +goose StatementEnd
comment on function watertight.tenant() is
  'The tenant of this transaction, from the signed context. Raises 42501 unless the context is valid. Every policy compares with it.';
alter function watertight.tenant() owner to watertight_context;
revoke all on function watertight.tenant() from public;

-- +goose StatementBegin
create function watertight.crosstenant() returns boolean
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.context();
begin
  if part[3] <> 'all' then
    raise exception 'the context is not a cross-tenant one'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  return true;
end $$;
-- +goose StatementEnd
comment on function watertight.crosstenant() is
  'True inside a signed cross-tenant context, which carries a reason. Raises 42501 otherwise. The policies of watertight_system call it.';
alter function watertight.crosstenant() owner to watertight_context;
revoke all on function watertight.crosstenant() from public;

-- +goose StatementBegin
create function watertight.actor() returns jsonb
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.context();
begin
  return convert_from(decode(part[7], 'base64'), 'UTF8')::jsonb || jsonb_build_object('action', part[6]);
end $$;
-- +goose StatementEnd
comment on function watertight.actor() is
  'Who acts in this transaction, from the signed context: user, email, ip, kind, role, version, request, action.';
alter function watertight.actor() owner to watertight_context;
revoke all on function watertight.actor() from public;

-- The challenge of the strict binding: what context() will bind a token of
-- mode x to in this very transaction.
create function watertight.challenge() returns text
  language sql stable parallel restricted
  return pg_catalog.pg_backend_pid()::text || ',' || (extract(epoch from pg_catalog.transaction_timestamp()) * 1000000)::bigint::text;
alter function watertight.challenge() owner to watertight_context;
revoke all on function watertight.challenge() from public;

-- enter() is the only thing that sets the context, and does so once in a
-- transaction: SQL injected into one tenant's transaction cannot put another
-- tenant's token in its place. It does not verify: whatever reads the context
-- does, so a statement pays for one verification, not two.
--
-- Two bodies. Citus ships a setting to its workers only when it was set by the
-- utility command SET LOCAL (inside an explicit BEGIN); everywhere else
-- set_config is cheaper and works in an implicit transaction too.
-- +goose StatementBegin
create function watertight.install_enter(citus boolean) returns void
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
      if coalesce(current_setting('watertight.context', true), '') <> '' then
        raise exception 'a context is already set in this transaction'
          using errcode = '42501', constraint = 'watertight_context_once';
      end if;
      if token is null or length(token) > 4000 or token !~ '\A[A-Za-z0-9._:=/+-]+\Z' then
        raise exception 'the tenant context is malformed'
          using errcode = '42501', constraint = 'watertight_context_invalid';
      end if;
      %s
    end $body$ $ddl$,
    case when citus
      then $plain$execute format('set local watertight.context = %L', token);$plain$
      else $plain$done := set_config('watertight.context', token, true);$plain$
    end);
  execute 'revoke all on function watertight.enter(text) from public';
  execute 'grant execute on function watertight.enter(text) to watertight_app, watertight_system';
end $install$;
-- +goose StatementEnd
alter function watertight.install_enter(boolean) owner to watertight_context;
revoke all on function watertight.install_enter(boolean) from public;

select watertight.install_enter(exists (select from pg_catalog.pg_extension where extname = 'citus'));
comment on function watertight.enter(text) is
  'Sets the signed context for the rest of the transaction, once. The only thing that sets it.';

-- +goose StatementBegin
create function watertight.xact_lock(key text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  t uuid := watertight.tenant();
begin
  -- 64 bits of SHA-256: with a weaker hash a tenant could look for names that
  -- collide with another's, and hold it up.
  perform pg_advisory_xact_lock(('x' || substr(encode(sha256(convert_to(t::text || ':' || key, 'UTF8')), 'hex'), 1, 16))::bit(64)::bigint);
end $$;
-- +goose StatementEnd
comment on function watertight.xact_lock(text) is
  'Takes an advisory lock of the tenant, by name, until the transaction ends. The plain advisory lock functions are taken from PUBLIC because their keys are shared by all tenants.';
alter function watertight.xact_lock(text) owner to watertight_context;
revoke all on function watertight.xact_lock(text) from public;

grant execute on function watertight.tenant() to watertight_app, watertight_owner;
grant execute on function watertight.crosstenant() to watertight_system;
grant execute on function watertight.actor(), watertight.challenge() to watertight_app, watertight_system, watertight_owner;
grant execute on function watertight.xact_lock(text) to watertight_app;

-- +goose Down
drop function watertight.xact_lock(text);
drop function watertight.enter(text);
drop function watertight.install_enter(boolean);
drop function watertight.challenge();
drop function watertight.actor();
drop function watertight.crosstenant();
drop function watertight.tenant();
drop function watertight.context();
drop function watertight.retire_context_key(text, timestamptz);
drop function watertight.add_context_key(text, bytea, timestamptz);
drop table watertight.context_key;
