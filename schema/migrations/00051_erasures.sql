-- +goose Up
-- What the platform keeps of a tenant that is gone, and where each tenant is.
-- Neither table holds data of a tenant beyond its id.

create table watertight.erasure (
  id            uuid primary key default gen_random_uuid(),
  tenant        uuid not null,
  purpose       text not null default 'erase' check (purpose in ('erase', 'move')),
  state         text not null default 'scheduled' check (state in ('scheduled', 'running', 'done', 'cancelled')),
  asked_by      text not null,
  reason        text not null check (length(reason) between 5 and 500),
  asked_at      timestamptz not null default now(),
  due_at        timestamptz not null,
  was           text not null,             -- the tenant's status before
  started_at    timestamptz,
  done_at       timestamptz,
  row_count     bigint not null default 0,
  backups_until timestamptz,               -- when the last backup that holds the tenant is gone
  constraint done_has_time check ((state = 'done') = (done_at is not null)),
  constraint started_has_time check (state not in ('running', 'done') or started_at is not null)
);
create unique index erasure_open on watertight.erasure (tenant) where state in ('scheduled', 'running');
comment on table watertight.erasure is
  'The ledger of erasures: asked for, due, done, and until when backups still hold the tenant. Replayed after a restore. The tenant''s id is in it for that purpose, nothing else of it.';

create table watertight.placement (
  tenant    uuid primary key,
  place     text not null check (place ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  moving_to text check (moving_to ~ '^[a-z0-9][a-z0-9-]{0,62}$' and moving_to <> place),
  step      text check (step in ('closed', 'copied', 'switched')),
  was       text,
  moved_from text,
  constraint moving_has_step check ((step is null) = (was is null))
);
comment on table watertight.placement is
  'In which region or cluster each tenant is, and how far a move has come. Kept in one database, the home.';

-- +goose StatementBegin
do $$
declare
  t regclass;
begin
  foreach t in array '{watertight.erasure,watertight.placement}'::regclass[] loop
    execute format('alter table %s owner to watertight_owner', t);
    execute format('alter table %s enable row level security, force row level security', t);
    execute format('create policy lifecycle on %s for all to watertight_lifecycle using (true) with check (true)', t);
  end loop;
end $$;
-- +goose StatementEnd
grant select, insert on watertight.erasure to watertight_lifecycle;
grant update (state, due_at, started_at, done_at, row_count, backups_until) on watertight.erasure to watertight_lifecycle;
grant select, insert, delete on watertight.placement to watertight_lifecycle;
grant update (place, moving_to, step, was, moved_from) on watertight.placement to watertight_lifecycle;
-- A service looks up the place of the tenant that it has a context of.
create policy place on watertight.placement for select to watertight_app using (tenant = (select watertight.tenant()));
grant select (tenant, place) on watertight.placement to watertight_app;
insert into watertight.protected_table
  select t::regclass, 'log', null, watertight.policies_of(t::regclass)
  from unnest('{watertight.erasure,watertight.placement}'::text[]) t;

-- What was done stays done: nobody takes a line back.
-- +goose StatementBegin
create function watertight.guard_erasure() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if old.state in ('done', 'cancelled') and new is distinct from old and (new.state <> old.state or new.done_at is distinct from old.done_at) then
    raise exception 'an erasure that is % stays so', old.state using errcode = '42501', constraint = 'watertight_erasure_over';
  end if;
  if old.state = 'running' and new.state in ('scheduled', 'cancelled') then
    raise exception 'an erasure that has begun cannot be taken back' using errcode = '42501', constraint = 'watertight_erasure_begun';
  end if;
  return new;
end $$;
-- +goose StatementEnd
alter function watertight.guard_erasure() owner to watertight_owner;
revoke all on function watertight.guard_erasure() from public;
create trigger guard before update on watertight.erasure for each row execute function watertight.guard_erasure();
alter table watertight.erasure enable always trigger guard;

-- +goose Down
delete from watertight.protected_table where relid in ('watertight.erasure'::regclass, 'watertight.placement'::regclass);
drop table watertight.placement;
drop table watertight.erasure;
drop function watertight.guard_erasure();
