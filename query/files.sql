-- Files of a tenant. A row is "uploading" before its object is in the bucket,
-- "ready" when all of it is, and "deleting" until the object is gone; only
-- ready ones are shown.
-- watertight:default-roles any

-- name: AddFileSpace :exec
insert into watertight.file_space (tenant_id) values ($1)
on conflict (tenant_id) do nothing;

-- name: FileSpace :one
select max_bytes, max_files, bytes, files
from watertight.file_space
where tenant_id = $1;

-- name: BeginFile :exec
insert into watertight.files (tenant_id, id, object, name, content_type, size, created_by, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: GrowFile :execrows
-- Reserves room for an upload whose size was not said, and shows it alive.
update watertight.files
set size = $4, state_at = now()
where tenant_id = $1
  and id = $2
  and object = $3
  and state = 'uploading';

-- name: FinishFile :execrows
-- By object, too: the upload that began the row, and no other, finishes it.
update watertight.files
set state = 'ready', size = $4, sealed_size = $5, sealed = $6, state_at = now()
where tenant_id = $1
  and id = $2
  and object = $3
  and state = 'uploading';

-- name: GetFile :one
select id, object, name, content_type, size, sealed_size, sealed, created_by, created_at
from watertight.files
where tenant_id = $1
  and id = $2
  and state = 'ready';

-- name: ListFiles :many
-- $2 and $3 are where the last page ended, or the prefix and the nil UUID; $4
-- is above every name that begins with the prefix.
select id, name, content_type, size, sealed_size, created_by, created_at
from watertight.files
where tenant_id = $1
  and state = 'ready'
  and name >= $2
  and (name > $2 or id > $3)
  and name < $4
order by name, id
limit $5;

-- name: RenameFile :execrows
update watertight.files
set name = $3
where tenant_id = $1
  and id = $2
  and state = 'ready';

-- name: DeleteFile :one
-- From here on it is not there any more; its object follows. One whose object
-- could not be deleted is found again.
update watertight.files
set state = 'deleting', state_at = now()
where tenant_id = $1
  and id = $2
  and state <> 'uploading'
returning object;

-- name: DeleteFilesPage :execrows
update watertight.files f
set state = 'deleting', state_at = now()
where f.tenant_id = $1
  and f.id in (
    select p.id from watertight.files p
    where p.tenant_id = $1
      and p.state <> 'deleting'
    order by p.id
    limit $2);

-- name: RemoveFile :execrows
-- The end of a deletion, of an upload that failed, and of one that died.
delete from watertight.files
where tenant_id = $1
  and id = $2
  and object = $3
  and state <> 'ready';

-- name: HalfFile :one
-- What an upload under this id left behind that did not come to its end.
select object
from watertight.files
where tenant_id = $1
  and id = $2
  and state <> 'ready';

-- name: FileObjects :many
select id, object, state, state_at
from watertight.files
where tenant_id = $1
  and object > $2
order by object
limit $3;

-- name: FileObjectState :one
select state
from watertight.files
where tenant_id = $1
  and object = $2;
