-- +goose Up
-- Wrapped data keys, one active for each tenant, and the register of columns
-- that hold sealed values. What is wrapped here is of no use without the
-- key-encryption key, which is in no database.

create table watertight.tenant_keys (
  tenant_id    uuid not null,
  key_id       int not null check (key_id > 0),
  kek_id       text not null check (length(kek_id) between 1 and 500),
  wrapped      bytea check (octet_length(wrapped) between 32 and 8192),
  state        text not null default 'active' check (state in ('active', 'decrypt_only', 'destroyed')),
  created_at   timestamptz not null default now(),
  retired_at   timestamptz, -- when it ceased to be the active one
  destroyed_at timestamptz,
  primary key (tenant_id, key_id),
  constraint destroyed_is_empty check ((state = 'destroyed') = (wrapped is null)),
  constraint destroyed_has_time check ((state = 'destroyed') = (destroyed_at is not null)),
  constraint retired_has_time check ((state = 'active') = (retired_at is null))
);
create unique index tenant_keys_active on watertight.tenant_keys (tenant_id) where state = 'active';
create index tenant_keys_kek on watertight.tenant_keys (kek_id) where state <> 'destroyed';
comment on table watertight.tenant_keys is
  'Data keys of the tenants, wrapped by the key-encryption key kek_id. Written by package crypto/keystore.';

select watertight.protect('watertight.tenant_keys');

-- The application reads keys and gives a new tenant its first one. It rotates
-- and destroys none: a statement injected into it must not make a customer's
-- data unreadable. (What is revoked on the table is revoked on its columns.)
revoke insert, update, delete on watertight.tenant_keys from watertight_app;
grant insert (tenant_id, key_id, kek_id, wrapped) on watertight.tenant_keys to watertight_app;

-- +goose StatementBegin
create function watertight.guard_tenant_key() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  last int;
  gone boolean;
begin
  case tg_op
  when 'INSERT' then
    select max(key_id), bool_and(state = 'destroyed') into last, gone
      from watertight.tenant_keys where tenant_id = new.tenant_id;
    -- An existing number is left to the primary key and ON CONFLICT.
    if new.key_id > last and gone then
      raise exception 'the tenant''s keys were destroyed: it gets no new one'
        using errcode = '42501', constraint = 'watertight_key_destroyed';
    end if;
    if new.key_id > coalesce(last, 0) + 1 then
      raise exception 'the tenant''s next key has the number %', coalesce(last, 0) + 1
        using errcode = '23514', constraint = 'watertight_key_number';
    end if;
    return new;
  when 'UPDATE' then
    if old.state = 'destroyed' then
      raise exception 'a destroyed key stays destroyed'
        using errcode = '42501', constraint = 'watertight_key_destroyed';
    end if;
    if new.state = 'active' and old.state <> 'active' then
      raise exception 'a retired key does not become active again'
        using errcode = '23514', constraint = 'watertight_key_state';
    end if;
    return new;
  else
    -- A row that is deleted leaves no trace of the key; the number could come
    -- back with another key behind it.
    if old.state <> 'destroyed' then
      raise exception 'a key is destroyed before its row is deleted'
        using errcode = '42501', constraint = 'watertight_key_state';
    end if;
    return old;
  end case;
end $$;
-- +goose StatementEnd
alter function watertight.guard_tenant_key() owner to watertight_owner;
revoke all on function watertight.guard_tenant_key() from public;

create trigger guard before insert or update or delete on watertight.tenant_keys
  for each row execute function watertight.guard_tenant_key();
alter table watertight.tenant_keys enable always trigger guard;

-- Processes that listen forget the keys they remember. There is no payload:
-- every role of the database may listen, and a tenant's id is not for all.
-- +goose StatementBegin
create function watertight.notify_tenant_keys() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  notify watertight_keys;
  return null;
end $$;
-- +goose StatementEnd
alter function watertight.notify_tenant_keys() owner to watertight_owner;
revoke all on function watertight.notify_tenant_keys() from public;

create trigger notify after update or delete on watertight.tenant_keys
  for each statement execute function watertight.notify_tenant_keys();

-- Which columns hold sealed values, and what those are bound to: the labels
-- that the program gives in its Ref, not the names, which may change.
create table watertight.sealed_columns (
  relid         regclass not null,
  column_name   name not null,
  tenant_column name not null,
  row_column    name not null,
  row_type      regtype not null,
  table_label   text not null check (table_label <> ''),
  column_label  text not null check (column_label <> ''),
  primary key (relid, column_name)
);
comment on table watertight.sealed_columns is
  'Columns of sealed values, as watertight.seal_column registered them. The re-sealing after a key rotation goes through them.';
select watertight.share('watertight.sealed_columns');
grant insert, update, delete on watertight.sealed_columns to watertight_migrator;

-- +goose StatementBegin
create function watertight.seal_column_ddl(rel regclass, col name) returns text
  language sql stable set search_path = pg_catalog, pg_temp
  -- The form of crypto's sealed values: version 1, a key number above 0, and
  -- not less than the overhead. A token or a password in the clear has it not.
  return format('alter table %s add constraint %I check (octet_length(%I) >= 65 and get_byte(%I, 0) = 1 and substr(%I, 2, 4) > ''\x00000000''::bytea)',
    rel, col || '_sealed', col, col, col);
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.seal_column(
  rel regclass, col name, table_label text, column_label text default null, row_column name default 'id'
) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  tenant name := (select tenant_column from watertight.protected_table where relid = rel and kind = 'tenant');
  kind   regtype;
begin
  if tenant is null then
    raise exception '% is not a protected tenant table', rel
      using errcode = '42P16', hint = 'Call watertight.protect first.';
  end if;
  select atttypid into kind from pg_attribute where attrelid = rel and attname = col and attnum > 0 and not attisdropped;
  if kind is distinct from 'bytea'::regtype then
    raise exception '%.% is not a column of type bytea', rel, quote_ident(col) using errcode = '42P16';
  end if;
  select atttypid into kind from pg_attribute where attrelid = rel and attname = row_column and attnum > 0 and not attisdropped;
  if kind is null or kind not in ('uuid'::regtype, 'bigint'::regtype, 'integer'::regtype) then
    raise exception '%.% is not a column of type uuid, bigint or integer', rel, quote_ident(row_column)
      using errcode = '42P16', hint = 'A sealed value is bound to its row by such an identifier.';
  end if;
  -- One row for one identifier, or two values would be bound to the same place.
  if not exists (
    select from pg_index i
    where i.indrelid = rel and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null and i.indnkeyatts = 2
      and (select array_agg(a.attname order by a.attname) from pg_attribute a where a.attrelid = rel and a.attnum = any (i.indkey[0:1]))
        = (select array_agg(n order by n) from unnest(array[tenant, row_column]) n))
  then
    raise exception '% has no unique key of (%, %)', rel, quote_ident(tenant), quote_ident(row_column) using errcode = '42P16';
  end if;
  if not exists (select from pg_constraint where conrelid = rel and conname = col || '_sealed') then
    execute watertight.seal_column_ddl(rel, col);
  end if;
  insert into watertight.sealed_columns values (rel, col, tenant, row_column, kind, table_label, coalesce(column_label, col))
    on conflict (relid, column_name) do update set tenant_column = excluded.tenant_column, row_column = excluded.row_column,
      row_type = excluded.row_type, table_label = excluded.table_label, column_label = excluded.column_label;
end $$;
-- +goose StatementEnd
comment on function watertight.seal_column(regclass, name, text, text, name) is
  'Makes a bytea column one of sealed values: a check refuses anything else, and the column takes part in re-sealing. The labels are those of crypto.Ref and never change.';

alter function watertight.seal_column_ddl(regclass, name) owner to watertight_owner;
alter function watertight.seal_column(regclass, name, text, text, name) owner to watertight_owner;
revoke all on function watertight.seal_column_ddl(regclass, name), watertight.seal_column(regclass, name, text, text, name) from public;
grant execute on function watertight.seal_column_ddl(regclass, name), watertight.seal_column(regclass, name, text, text, name) to watertight_migrator;

-- +goose Down
drop function watertight.seal_column(regclass, name, text, text, name);
drop function watertight.seal_column_ddl(regclass, name);
delete from watertight.protected_table where relid = 'watertight.sealed_columns'::regclass;
drop table watertight.sealed_columns;
delete from watertight.protected_table where relid = 'watertight.tenant_keys'::regclass;
drop table watertight.tenant_keys;
drop function watertight.notify_tenant_keys();
drop function watertight.guard_tenant_key();
