-- Keys of programs that act in a tenant.
-- watertight:default-roles owner admin

-- name: AddAPIKey :exec
insert into watertight.api_keys (tenant_id, id, name, prefix, hash, role, created_by, expires_at)
values (@tenant_id, @id, @name, @prefix, @hash, @role, @created_by, @expires_at);

-- name: ListAPIKeys :many
select k.tenant_id, k.id, k.name, k.prefix, k.role, k.created_by, k.created_at, k.expires_at, k.revoked_at
from watertight.api_keys k
where k.tenant_id = @tenant_id
order by k.created_at desc, k.id;

-- name: RevokeAPIKey :execrows
update watertight.api_keys
set revoked_at = now()
where tenant_id = @tenant_id
  and id = @id
  and revoked_at is null;
