-- What the platform does with the files of one tenant, from outside.

-- name: SetFileQuota :exec
-- watertight:cross-tenant an operator sets the room of one tenant, which it names
insert into watertight.file_space (tenant_id, max_bytes, max_files)
values ($1, $2, $3)
on conflict (tenant_id) do update set max_bytes = excluded.max_bytes, max_files = excluded.max_files;

-- name: CountFiles :one
-- watertight:cross-tenant the erasure of a tenant, which admits nobody any more
select count(*)
from watertight.files
where tenant_id = $1;
