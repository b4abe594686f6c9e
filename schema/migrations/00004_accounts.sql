-- +goose Up
-- Who the tenants are and who is registered with them. A person who works for
-- two tenants has two rows in users, with one id: nothing of an account is
-- shared between tenants, so nothing of it can be reached from another one.

create table watertight.tenants (
  id         uuid primary key default gen_random_uuid(),
  name       text not null check (length(name) between 1 and 200),
  status     text not null default 'active' check (status in ('active', 'suspended', 'closing')),
  created_at timestamptz not null default now()
);

create table watertight.users (
  tenant_id    uuid not null references watertight.tenants (id),
  id           uuid not null default gen_random_uuid(),
  email        text not null check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and length(email) <= 254),
  display_name text not null default '',
  created_at   timestamptz not null default now(),
  primary key (tenant_id, id)
);
create unique index users_email on watertight.users (tenant_id, lower(email));

create table watertight.memberships (
  tenant_id  uuid not null,
  user_id    uuid not null,
  role       text not null check (role ~ '^[a-z][a-z0-9_-]{0,31}$'),
  status     text not null default 'active' check (status in ('active', 'suspended')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, user_id),
  foreign key (tenant_id, user_id) references watertight.users (tenant_id, id) on delete cascade
);

select watertight.protect('watertight.tenants', 'id');
select watertight.protect('watertight.users');
select watertight.protect('watertight.memberships');

-- A tenant is made, renamed and closed by the platform, not by its own rows.
revoke insert, update, delete on watertight.tenants from watertight_app;
revoke insert (id, name, status, created_at), update (name, status, created_at) on watertight.tenants from watertight_app;

-- Jobs go through the tenants one by one and need to know which there are.
-- watertight_context reads the ids for tenant_ids(), and for nothing else.
-- +goose StatementBegin
do $$
begin
  delete from watertight.protected_table where relid = 'watertight.tenants'::regclass;
  create policy tenant_list on watertight.tenants for select to watertight_context using (true);
  grant select (id, status) on watertight.tenants to watertight_context;
  insert into watertight.protected_table
    values ('watertight.tenants', 'tenant', 'id', watertight.policies_of('watertight.tenants'));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.tenant_ids(after uuid, page int) returns setof uuid
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.context();
begin
  if part[3] not in ('list', 'all') then
    raise exception 'the context is not one of a job over all tenants'
      using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  return query
    select t.id from watertight.tenants t
    where t.status = 'active' and (after is null or t.id > after)
    order by t.id limit page;
end $$;
-- +goose StatementEnd
comment on function watertight.tenant_ids(uuid, int) is
  'Ids of the active tenants after one of them, for a job that goes through all. Needs a signed context of such a job.';
alter function watertight.tenant_ids(uuid, int) owner to watertight_context;
revoke all on function watertight.tenant_ids(uuid, int) from public;
grant execute on function watertight.tenant_ids(uuid, int) to watertight_app, watertight_system;

-- +goose Down
drop function watertight.tenant_ids(uuid, int);
drop table watertight.memberships;
drop table watertight.users;
drop table watertight.tenants;
delete from watertight.protected_table;
