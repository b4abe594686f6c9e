-- Wrapped data keys, as package crypto/keystore reads and writes them inside a
-- tenant. Rotating and destroying is the platform's work: platform/keys.sql.
-- watertight:default-roles any

-- name: TenantKey :one
select key_id, kek_id, wrapped, state
from watertight.tenant_keys
where tenant_id = $1
  and key_id = $2;

-- name: NewestTenantKey :one
-- The active key, or a destroyed one of a tenant whose keys were destroyed.
select key_id, kek_id, wrapped, state
from watertight.tenant_keys
where tenant_id = $1
order by state = 'active' desc, key_id desc
limit 1;

-- name: AddFirstTenantKey :execrows
insert into watertight.tenant_keys (tenant_id, key_id, kek_id, wrapped)
values ($1, 1, $2, $3)
on conflict (tenant_id, key_id) do nothing;

-- name: SealedColumns :many
select n.nspname::text as table_schema, c.relname::text as table_name, s.column_name::text as column_name,
  s.tenant_column::text as tenant_column, s.row_column::text as row_column,
  (s.row_type = 'uuid'::regtype)::bool as row_is_uuid, s.table_label, s.column_label
from watertight.sealed_columns s
join pg_catalog.pg_class c on c.oid = s.relid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
order by n.nspname, c.relname, s.column_name;
