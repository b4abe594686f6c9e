-- +goose Up
-- What every statement pays for: enter(), which sets the context, and tenant(),
-- which verifies it. Both did the same with more work: docs/design/070 has the
-- figures. The format of the token stays.

-- The tenants that are closed, beside the keys, which every verification reads
-- anyway: a second table would cost each statement as much as the two hashes.
alter table watertight.context_key add column shut uuid[] not null default '{}';
comment on column watertight.context_key.shut is
  'The tenants that are being moved or are to be erased, kept by a trigger of watertight.tenants, the same in every row.';

-- +goose StatementBegin
create function watertight.note_shut_tenants() returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  -- One after the other, so that none writes a list from before another's
  -- commit. Readers are not held up.
  lock table watertight.context_key in exclusive mode;
  update watertight.context_key
    set shut = array(select t.id from watertight.tenants t where t.status in ('moving', 'closing') order by t.id);
end $$;
-- +goose StatementEnd
alter function watertight.note_shut_tenants() owner to watertight_context;
revoke all on function watertight.note_shut_tenants() from public;

-- +goose StatementBegin
create function watertight.tenant_shut() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op <> 'INSERT' and old.status in ('moving', 'closing') or tg_op <> 'DELETE' and new.status in ('moving', 'closing') then
    perform watertight.note_shut_tenants();
  end if;
  return null;
end $$;
-- +goose StatementEnd
alter function watertight.tenant_shut() owner to watertight_context;
revoke all on function watertight.tenant_shut() from public;
grant execute on function watertight.tenant_shut() to watertight_owner, watertight_migrator;
create trigger shut after insert or delete or update of status on watertight.tenants
  for each row execute function watertight.tenant_shut();
alter table watertight.tenants enable always trigger shut;
select watertight.note_shut_tenants();

-- +goose StatementBegin
create or replace function watertight.add_context_key(p_kid text, p_secret bytea, p_not_after timestamptz) returns void
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
  perform watertight.note_shut_tenants();
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function watertight.context() returns text[]
  language plpgsql stable parallel restricted
as $$
declare
  token text := current_setting('watertight.context', true);
  raw   bytea := convert_to(token, 'UTF8');
  part  text[] := string_to_array(token, '.');
  bound text;
  mac   text;
begin
  if token is null or token = '' then
    raise exception 'no tenant context is set in this transaction'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  if array_length(part, 1) is distinct from 8 or part[1] <> 'w1' or octet_length(part[8]) <> 64 then
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
  -- Bytes, because functions of text count its characters one by one.
  select encode(sha256(okey || sha256(ikey || substr(raw, 1, length(raw) - 65) || convert_to('|' || bound, 'UTF8'))), 'hex')
    into mac
    from watertight.context_key
    where kid = part[2] and not_after > transaction_timestamp();
  -- First one machine word of each, so that the time of the comparison does not
  -- say how much of a guess is right.
  if mac is null or hashtextextended(mac, 0) <> hashtextextended(part[8], 0) or mac <> part[8] then
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

-- enter() looks at the length only: what else is wrong with a token, whatever
-- verifies it finds. Where it becomes a part of a statement, for Citus, its
-- alphabet is looked at too.
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

-- +goose Down
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
      then $plain$execute format('set local watertight.context = %L', token);
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
  scope text;
  until text;
  shut  text;
begin
  -- What context() verifies, in one statement and with the tenant's status: every
  -- policy calls this in every statement. What is not plainly valid goes to
  -- context(), which says why not. The planner may evaluate the
  -- cast before the token was verified, so only what looks like a uuid is cast.
  select split_part(token, '.', 3), split_part(token, '.', 4),
      (select t.status from watertight.tenants t where t.id =
        case when split_part(token, '.', 3) ~ '\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z' then split_part(token, '.', 3)::uuid end)
    into scope, until, shut
    from watertight.context_key
    where kid = split_part(token, '.', 2) and not_after > transaction_timestamp()
      and sha256(okey || convert_to(split_part(token, '.', -1), 'UTF8')) =
        sha256(okey || convert_to(encode(sha256(okey || sha256(ikey || convert_to(left(token, -65) || '|' ||
          case split_part(token, '.', 5)
            when 's' then pg_backend_pid()::text
            when 'x' then pg_backend_pid()::text || ',' || (extract(epoch from transaction_timestamp()) * 1000000)::bigint::text
            when 'u' then ''
          end, 'UTF8'))), 'hex'), 'UTF8'));
  if scope is null or until::bigint < extract(epoch from transaction_timestamp()) then
    scope := (watertight.context())[3];
  end if;
  if scope in ('all', 'list') then
    raise exception 'the context names no tenant'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  if shut in ('moving', 'closing') and not pg_has_role(session_user, 'watertight_lifecycle', 'member') then
    raise exception 'the tenant is %', shut
      using errcode = '42501', constraint = 'watertight_tenant_' || shut;
  end if;
  return scope::uuid;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight.context() returns text[]
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
-- +goose StatementBegin
create or replace function watertight.add_context_key(p_kid text, p_secret bytea, p_not_after timestamptz) returns void
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
drop trigger shut on watertight.tenants;
drop function watertight.tenant_shut();
drop function watertight.note_shut_tenants();
alter table watertight.context_key drop column shut;
