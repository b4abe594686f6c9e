-- Which files belong to an appointment. Their content goes through package files.
-- watertight:default-roles any

-- name: Attach :exec
-- watertight:roles owner admin member
insert into app.attachments (tenant_id, appointment_id, file_id)
values ($1, $2, $3);

-- name: ListAttachments :many
select f.id, f.name, f.size, f.created_at
from app.attachments a
join watertight.files f on f.tenant_id = a.tenant_id and f.id = a.file_id
where a.tenant_id = $1
  and a.appointment_id = $2
  and f.state = 'ready'
order by f.created_at, f.id;

-- name: GetAttachment :one
select file_id
from app.attachments
where tenant_id = $1
  and appointment_id = $2
  and file_id = $3;

-- name: AttachmentToRemove :one
-- Who may take a file away. The file's row takes this one along when it goes.
-- watertight:roles owner admin member
select file_id
from app.attachments
where tenant_id = $1
  and appointment_id = $2
  and file_id = $3;
