-- Rotating and destroying data keys. The application cannot: it holds no right
-- to update them.

-- name: LockTenantKeys :many
-- watertight:cross-tenant an operator rotates or destroys the keys of one tenant
select tenant_id, key_id, kek_id, wrapped, state, retired_at
from watertight.tenant_keys
where tenant_id = $1
order by key_id
for update;

-- name: RetireTenantKey :execrows
-- watertight:cross-tenant an operator rotates the keys of one tenant
update watertight.tenant_keys
set state = 'decrypt_only', retired_at = now()
where tenant_id = $1
  and state = 'active';

-- name: AddTenantKey :exec
-- watertight:cross-tenant an operator rotates the keys of one tenant
insert into watertight.tenant_keys (tenant_id, key_id, kek_id, wrapped)
values ($1, $2, $3, $4);

-- name: DestroyTenantKey :execrows
-- watertight:cross-tenant an operator destroys an old key that seals nothing any more
update watertight.tenant_keys
set state = 'destroyed', wrapped = null, destroyed_at = now()
where tenant_id = $1
  and key_id = $2
  and state = 'decrypt_only'
  and retired_at <= now() - make_interval(secs => @grace_seconds);

-- name: DestroyTenantKeys :execrows
-- watertight:cross-tenant an operator makes everything sealed of one tenant unreadable
update watertight.tenant_keys
set state = 'destroyed', wrapped = null, destroyed_at = now(), retired_at = coalesce(retired_at, now())
where tenant_id = $1
  and state <> 'destroyed';

-- name: KeysToRewrap :many
-- watertight:cross-tenant the key-encryption key is one for all tenants
select tenant_id, key_id, kek_id, wrapped, state
from watertight.tenant_keys
where state <> 'destroyed'
  and (kek_id <> @kek_id or @every_key::bool)
  and (tenant_id, key_id) > (@after_tenant::uuid, @after_key::int)
order by tenant_id, key_id
limit @page;

-- name: RewrapTenantKey :execrows
-- watertight:cross-tenant the key-encryption key is one for all tenants
update watertight.tenant_keys
set kek_id = @kek_id, wrapped = @wrapped
where tenant_id = @tenant_id
  and key_id = @key_id
  and wrapped = @old_wrapped;

-- name: KeyStates :many
-- watertight:cross-tenant an operator looks how far a rotation has come
select tenant_id, key_id, kek_id, state, created_at, retired_at, destroyed_at
from watertight.tenant_keys
order by tenant_id, key_id;

-- name: TenantKeyStates :many
-- watertight:cross-tenant an operator looks at the keys of one tenant
select tenant_id, key_id, kek_id, state, created_at, retired_at, destroyed_at
from watertight.tenant_keys
where tenant_id = $1
order by key_id;

-- name: KeyCounts :many
-- watertight:cross-tenant an operator looks which key-encryption keys are still needed
select kek_id, state, count(*) as keys
from watertight.tenant_keys
group by kek_id, state
order by kek_id, state;

-- name: SealedColumns :many
-- watertight:cross-tenant the register of sealed columns belongs to no tenant
select n.nspname::text as table_schema, c.relname::text as table_name, s.column_name::text as column_name,
  s.tenant_column::text as tenant_column, s.row_column::text as row_column,
  (s.row_type = 'uuid'::regtype)::bool as row_is_uuid, s.table_label, s.column_label
from watertight.sealed_columns s
join pg_catalog.pg_class c on c.oid = s.relid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
order by n.nspname, c.relname, s.column_name;
