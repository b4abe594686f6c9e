-- +goose Up
-- Files: what is known of them stands here, their content in a bucket, sealed
-- under a key that stands here in its turn, sealed by the tenant's data key.

-- How much a tenant keeps, and how much it may. A row comes with the tenant's
-- first file. The platform sets the limits; the largest bigint is none.
create table watertight.file_space (
  tenant_id uuid primary key,
  max_bytes bigint not null default 9223372036854775807 check (max_bytes >= 0),
  max_files bigint not null default 9223372036854775807 check (max_files >= 0),
  bytes     bigint not null default 0 check (bytes >= 0),
  files     bigint not null default 0 check (files >= 0)
);
comment on table watertight.file_space is
  'The room for files: limits that the platform sets, and counters that a trigger of watertight.files keeps.';

create table watertight.files (
  tenant_id    uuid not null,
  id           uuid not null,
  object       uuid not null, -- the name in the bucket: tenant_id/object
  name         text collate "C" not null check (octet_length(name) between 1 and 255),
  content_type text not null check (octet_length(content_type) between 3 and 255),
  size         bigint not null default 0 check (size >= 0), -- of the content; while uploading, what is reserved
  sealed_size  bigint not null default 0 check (sealed_size >= 0),
  state        text not null default 'uploading' check (state in ('uploading', 'ready', 'deleting')),
  sealed       bytea, -- the content's key, SHA-256 and size
  created_by   uuid,  -- the account, null for a job
  created_at   timestamptz not null default now(),
  state_at     timestamptz not null default now(), -- when the upload was last seen alive
  primary key (tenant_id, id),
  unique (tenant_id, object),
  foreign key (tenant_id) references watertight.file_space (tenant_id),
  constraint ready_is_sealed check (state <> 'ready' or sealed is not null)
);
create index files_name on watertight.files (tenant_id, name, id) where state = 'ready';
comment on table watertight.files is
  'The files of the tenants. Written by package files: a row is uploading before its object exists and deleting until it is gone.';

select watertight.protect('watertight.file_space');
select watertight.protect('watertight.files');
select watertight.seal_column('watertight.files', 'sealed', 'file', 'content');

-- The application counts, it does not set limits; and of a file it changes
-- nothing that says which one it is. (What is revoked on the table is revoked
-- on its columns.)
revoke insert, update, delete on watertight.file_space from watertight_app;
grant insert (tenant_id), update (bytes, files) on watertight.file_space to watertight_app;
revoke update on watertight.files from watertight_app;
grant update (name, content_type, size, sealed_size, state, sealed, state_at) on watertight.files to watertight_app;

-- The counters say nothing that the events of the files do not, and an upload
-- that is alive is no change.
select watertight.audit_columns('watertight.file_space', 'omit', 'bytes', 'files');
select watertight.audit_columns('watertight.files', 'omit', 'state_at');

-- A file comes after its tenant's row here, so a new row has counted nothing:
-- also when it is read back from an export that says otherwise.
-- +goose StatementBegin
create function watertight.empty_file_space() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  new.bytes := 0;
  new.files := 0;
  return new;
end $$;
-- +goose StatementEnd
alter function watertight.empty_file_space() owner to watertight_owner;
revoke all on function watertight.empty_file_space() from public;

-- The update locks the tenant's row, so uploads side by side are counted one
-- after the other and cannot pass the limit together.
-- +goose StatementBegin
create function watertight.count_file() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  t          uuid   := case tg_op when 'DELETE' then old.tenant_id else new.tenant_id end;
  more_bytes bigint := case tg_op when 'INSERT' then new.size when 'DELETE' then -old.size else new.size - old.size end;
  more_files int    := case tg_op when 'INSERT' then 1 when 'DELETE' then -1 else 0 end;
begin
  if more_bytes = 0 and more_files = 0 then
    return null;
  end if;
  update watertight.file_space s
    set bytes = s.bytes + more_bytes, files = s.files + more_files
    where s.tenant_id = t
      and (more_bytes <= 0 or more_bytes <= s.max_bytes - s.bytes)
      and (more_files <= 0 or more_files <= s.max_files - s.files);
  if not found then
    raise exception 'the tenant has no room for the file'
      using errcode = '23514', constraint = 'watertight_file_quota';
  end if;
  return null;
end $$;
-- +goose StatementEnd
alter function watertight.count_file() owner to watertight_owner;
revoke all on function watertight.count_file() from public;

create trigger empty before insert on watertight.file_space
  for each row execute function watertight.empty_file_space();
create trigger count after insert or update or delete on watertight.files
  for each row execute function watertight.count_file();

-- +goose Down
delete from watertight.sealed_columns where relid = 'watertight.files'::regclass;
delete from watertight.protected_table where relid in ('watertight.files'::regclass, 'watertight.file_space'::regclass);
drop table watertight.files;
drop table watertight.file_space;
drop function watertight.count_file();
drop function watertight.empty_file_space();
