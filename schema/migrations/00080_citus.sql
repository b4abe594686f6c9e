-- +goose Up
-- The profile for Citus. A database has one of two profiles: plain, the one
-- server that everything before this was written for, or citus, whose tables
-- of a team are spread over workers by their tenant. docs/design/080-citus.md
-- says what differs and why.

create table watertight.engine (
  one           boolean primary key default true check (one),
  profile       text not null check (profile in ('plain', 'citus')),
  tenant_source text -- the body that tenant() has with the other profile
);
comment on table watertight.engine is
  'Which profile this database has, and what is needed to give it the other one.';
insert into watertight.engine (profile) values ('plain');
alter table watertight.engine owner to watertight_owner;
grant select on watertight.engine to watertight_migrator;

-- +goose StatementBegin
create function watertight.profile() returns text
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return (select e.profile from watertight.engine e);
end $$;
-- +goose StatementEnd
comment on function watertight.profile() is
  'The profile of this database: plain or citus. watertight migrate --profile sets it.';
alter function watertight.profile() owner to watertight_owner;
revoke all on function watertight.profile() from public;
grant execute on function watertight.profile() to watertight_migrator, watertight_audit, watertight_app;
create policy reader on watertight.engine for all to watertight_owner using (true) with check (true);

-- Two bodies of enter(). Citus ships a setting to its workers only when the
-- utility command SET LOCAL sets it inside an explicit BEGIN; set_config is
-- cheaper everywhere else. On Citus tenant() runs on workers, which have no
-- table of the tenants, so the coordinator looks here whether the tenant is
-- closed. The token is not verified yet, but a wrong one opens nothing.
-- +goose StatementBegin
create or replace function watertight.install_enter(citus boolean) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $install$
begin
  execute format($ddl$
    create or replace function watertight.enter(token text) returns void
      language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
    as $body$
    declare
      done text;
    begin
      if coalesce(current_setting('watertight.context', true), '') <> '' then
        raise exception 'a context is already set in this transaction'
          using errcode = '42501', constraint = 'watertight_context_once';
      end if;
      if token is null or length(token) > 4000 or token !~ '\A[A-Za-z0-9._:=/+-]+\Z' then
        raise exception 'the tenant context is malformed'
          using errcode = '42501', constraint = 'watertight_context_invalid';
      end if;
      %s
    end $body$ $ddl$,
    case when citus
      then $plain$execute format('set local watertight.context = %L', token);
      select t.status into done from watertight.tenants t
        where t.id::text = split_part(token, '.', 3) and t.status in ('moving', 'closing');
      if done is not null and not pg_has_role(session_user, 'watertight_lifecycle', 'member') then
        raise exception 'the tenant is %', done
          using errcode = '42501', constraint = 'watertight_tenant_' || done;
      end if;$plain$
      else $plain$done := set_config('watertight.context', token, true);$plain$
    end);
  execute 'revoke all on function watertight.enter(text) from public';
  execute 'grant execute on function watertight.enter(text) to watertight_app, watertight_system';
end $install$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.install_tenant(source text) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('create or replace function watertight.tenant() returns uuid
    language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp as %L', source);
end $$;
-- +goose StatementEnd
alter function watertight.install_tenant(text) owner to watertight_context;
revoke all on function watertight.install_tenant(text) from public;

-- What tenant() does on a worker: it reads the table of the keys, of which
-- each node has its own, and nothing that is distributed.
-- +goose StatementBegin
create function watertight.citus_tenant_source() returns text
  language sql immutable
  return $source$
declare
  part text[] := watertight.context();
begin
  if part[3] in ('all', 'list') then
    raise exception 'the context names no tenant'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  return part[3]::uuid;
end $source$;
-- +goose StatementEnd

-- Citus refuses a subquery in the policy of a distributed table, and joins no
-- local table whose policy has one. The call is evaluated once for a shard's
-- scan either way, as long as the statement names the tenant.
-- +goose StatementBegin
create function watertight.bare_calls(expression text) returns text
  language sql immutable
  return pg_catalog.regexp_replace(expression, '\(\s*select (watertight\.[a-z_]+\([^()]*\))( as [a-z_]+)?\)', '\1', 'gi');
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.rewrite_policies(citus boolean) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  rel  record;
  p    record;
  kept watertight.protected_table;
  want text[];
begin
  for rel in
    select c.oid::regclass as name from pg_class c
    where c.relnamespace = 'watertight'::regnamespace or c.oid in (select relid from watertight.protected_table)
    order by c.oid
  loop
    -- Off the guard's list while its policies change, in one transaction.
    delete from watertight.protected_table where relid = rel.name returning * into kept;
    for p in
      select polname, array[pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)] as is_now
      from pg_policy where polrelid = rel.name
    loop
      want := array[watertight.bare_calls(p.is_now[1]), watertight.bare_calls(p.is_now[2])];
      if not citus then
        want := array[regexp_replace(want[1], '(watertight\.[a-z_]+\([^()]*\))', '(select \1)', 'g'),
          regexp_replace(want[2], '(watertight\.[a-z_]+\([^()]*\))', '(select \1)', 'g')];
      end if;
      if want is distinct from p.is_now then
        execute format('alter policy %I on %s', p.polname, rel.name) ||
          coalesce(' using (' || want[1] || ')', '') || coalesce(' with check (' || want[2] || ')', '');
      end if;
    end loop;
    if kept.relid is not null then
      insert into watertight.protected_table
        values (kept.relid, kept.kind, kept.tenant_column, watertight.policies_of(kept.relid));
    end if;
  end loop;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.use_profile(name text) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  is_now watertight.engine;
  body   text := (select prosrc from pg_proc where oid = 'watertight.tenant()'::regprocedure);
begin
  if name is null or name not in ('plain', 'citus') then
    raise exception 'there is no profile % (plain, citus)', name using errcode = '22023';
  end if;
  if name = 'plain' and exists (select from pg_extension where extname = 'citus') then
    raise exception 'the database has the extension citus, so its profile must be citus (drop the extension first if that is what you want)'
      using errcode = '22023';
  end if;
  select * into is_now from watertight.engine for update;
  if name = 'citus' then
    -- Also where the profile is citus already: a migration may have replaced
    -- the body since.
    if body <> watertight.citus_tenant_source() then
      update watertight.engine set tenant_source = body;
      perform watertight.install_tenant(watertight.citus_tenant_source());
    end if;
  elsif is_now.profile = 'citus' then
    perform watertight.install_tenant(is_now.tenant_source);
  end if;
  if name = 'citus' or is_now.profile = 'citus' then
    perform watertight.install_enter(name = 'citus');
    perform watertight.rewrite_policies(name = 'citus');
  end if;
  update watertight.engine set profile = name;
end $$;
-- +goose StatementEnd
comment on function watertight.use_profile(text) is
  'Gives the database a profile: the bodies of enter() and tenant() and the form of the policies. Distributes nothing. Called by watertight migrate.';

-- +goose StatementBegin
create function watertight.citus_node() returns text
  language sql stable
  return $source$do $node$
declare
  item record;
begin
  -- Each node does this for itself.
  perform pg_catalog.set_config('citus.enable_ddl_propagation', 'off', true);
  -- They run SQL held in a string, past the handle and its checks.
  for item in
    select p.oid::pg_catalog.regprocedure as f from pg_catalog.pg_proc p
    where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace and p.proname ~ '^run_command_on_' order by 1
  loop
    execute pg_catalog.format('revoke execute on function %s from public', item.f);
  end loop;
  -- A worker sees the context as the text of a SET LOCAL, and so would every
  -- session of the same role there, in pg_stat_activity.
  for item in
    select r.rolname from pg_catalog.pg_roles r
    where r.rolcanlogin and not r.rolsuper and r.rolname <> 'watertight_migrator' and exists (
      select from pg_catalog.pg_roles g
      where g.rolname in ('watertight_app', 'watertight_system', 'watertight_lifecycle') and pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER'))
    order by 1
  loop
    execute pg_catalog.format('alter role %I in database %I set citus.propagate_set_commands = ''local''', item.rolname, pg_catalog.current_database());
    execute pg_catalog.format('alter role %I in database %I set track_activities = off', item.rolname, pg_catalog.current_database());
  end loop;
  create table if not exists watertight.context_key (
    kid text primary key, ikey bytea not null, okey bytea not null, not_after timestamptz not null);
  alter table watertight.context_key owner to watertight_context;
  revoke all on watertight.context_key from public;
end $node$
$source$;
-- +goose StatementEnd
comment on function watertight.citus_node() is
  'What a superuser runs on each node of a Citus cluster, also on one that is added later, before it gets shards.';

-- +goose StatementBegin
create function watertight.citus_statements() returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  -- Policies call these on workers. Each is sent there with its owner.
  return next $q$select pg_catalog.create_distributed_function('watertight.context()')$q$;
  return next $q$select pg_catalog.create_distributed_function('watertight.tenant()')$q$;
  return next $q$select pg_catalog.create_distributed_function('watertight.crosstenant()')$q$;
  return next watertight.citus_node();
  return next format('select watertight.on_workers(%L)', watertight.citus_node());
  return next 'select watertight.citus_share_keys()';
end $$;
-- +goose StatementEnd
comment on function watertight.citus_statements() is
  'What makes the nodes of a Citus cluster ready, each statement in a transaction of its own: workers do not see what another connection has not committed.';

-- Dynamic, because the functions of Citus are not there on one server.
-- +goose StatementBegin
create function watertight.on_workers(command text) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  failed text;
begin
  execute 'select string_agg(format(''%s:%s: %s'', nodename, nodeport, result), ''; '') from pg_catalog.run_command_on_workers($1) where not success'
    into failed using command;
  if failed is not null then
    raise exception 'not every worker could do it: %', failed;
  end if;
end $$;
-- +goose StatementEnd
comment on function watertight.on_workers(text) is 'Runs a statement on each worker of a Citus cluster, or fails.';

-- +goose StatementBegin
create function watertight.citus_share_keys() returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $body$
declare
  keys text;
begin
  -- The keys travel as text.
  perform watertight.on_workers($q$do $c$ begin
    if pg_catalog.current_setting('log_statement') = 'all' or pg_catalog.current_setting('log_min_duration_statement') <> '-1' then
      raise exception 'this worker writes statements to its log, and would write the context keys there (alter role % set log_statement = ''none''; alter role % set log_min_duration_statement = -1)', current_user, current_user;
    end if;
  end $c$ $q$);
  select coalesce(string_agg(format('insert into watertight.context_key values (%L, %L, %L, %L); ', kid, ikey, okey, not_after), '' order by kid), '')
    into keys from watertight.context_key;
  perform watertight.on_workers('do $k$ begin delete from watertight.context_key; ' || keys || 'end $k$');
end $body$;
-- +goose StatementEnd
comment on function watertight.citus_share_keys() is
  'Gives each worker of a Citus cluster the coordinator''s context keys. Run it after each change of them, and when a node was added.';

-- Why a table cannot be distributed, beside why it cannot be protected.
-- +goose StatementBegin
create function watertight.citus_reasons(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  k record;
begin
  for k in
    select c.*, p.kind, f.relnamespace = 'watertight'::regnamespace as own
    from pg_constraint c join pg_class f on f.oid = c.confrelid left join watertight.protected_table p on p.relid = c.confrelid
    where c.conrelid = rel and c.contype = 'f' and c.confrelid <> 'watertight.tenants'::regclass
    order by c.conname
  loop
    if k.own then
      return next format('the foreign key %I of %s refers to %s, which stays on the coordinator (drop the key and keep the id)', k.conname, rel, k.confrelid::regclass);
    elsif k.kind is null and k.confrelid <> rel then
      return next format('the foreign key %I of %s refers to %s, which is not distributed (watertight.protect or watertight.share that table first)', k.conname, rel, k.confrelid::regclass);
    end if;
    if k.confdeltype in ('n', 'd') or k.confupdtype in ('c', 'n', 'd') then
      return next format('the foreign key %I of %s sets columns when its parent goes, which Citus refuses where the key contains %I (use on delete cascade, restrict or no action)', k.conname, rel, tenant_column);
    end if;
  end loop;
  for k in
    select tgname from pg_trigger
    where tgrelid = rel and not tgisinternal and tgname !~ '^watertight_' order by tgname
  loop
    return next format('%s has the trigger %I, and Citus runs none on distributed tables (drop it; docs/citus.md says what citus.enable_unsafe_triggers costs)', rel, k.tgname);
  end loop;
end $$;
-- +goose StatementEnd
comment on function watertight.citus_reasons(regclass, name) is
  'Why Citus would refuse to distribute a table that protect() takes: one sentence each, with the remedy.';

-- +goose StatementBegin
create function watertight.citus_ddl(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  line text;
  item record;
begin
  -- What one server gave the table and a distributed one cannot have.
  for item in
    select tgname from pg_trigger where tgrelid = rel and tgname ~ '^watertight_' and tgparentid = 0 order by tgname
  loop
    return next format('drop trigger %I on %s', item.tgname, rel);
  end loop;
  for item in
    select polname from pg_policy where polrelid = rel and polname ~ '^support_' order by polname
  loop
    return next format('drop policy %I on %s', item.polname, rel);
  end loop;
  for item in
    select conname from pg_constraint
    where conrelid = rel and contype = 'f' and confrelid = 'watertight.tenants'::regclass order by conname
  loop
    return next format('alter table %s drop constraint %I', rel, item.conname);
  end loop;
  -- Tables that are spread by a uuid stand together, shard by shard, so that
  -- one tenant's rows are on one node and keys and joins between them work.
  return next format('select pg_catalog.create_distributed_table(%L, %L)', rel, tenant_column);
  for line in
    select watertight.protect_ddl_isolation(rel, tenant_column) union all select watertight.lifecycle_ddl(rel, tenant_column)
  loop
    -- Citus itself refuses to change the column that a table is spread by, and
    -- has no foreign keys to what stays on the coordinator.
    continue when line ~ '\mwatertight_immutable\M' or line ~ ' references watertight\.tenants ';
    return next watertight.bare_calls(line);
  end loop;
end $$;
-- +goose StatementEnd
comment on function watertight.citus_ddl(regclass, name) is
  'The statements that distribute and protect a table of a team on Citus, for teams that review them. protect() runs them where the profile is citus.';

-- +goose StatementBegin
create function watertight.is_distributed(rel regclass) returns boolean
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  found boolean;
begin
  if to_regclass('pg_catalog.pg_dist_partition') is null then
    return null; -- a rehearsal on one server
  end if;
  execute 'select exists (select from pg_catalog.pg_dist_partition where logicalrelid = $1)' into found using rel;
  return found;
end $$;
-- +goose StatementEnd
comment on function watertight.is_distributed(regclass) is
  'Whether Citus knows the table as distributed or as a reference table. Null without Citus.';

alter function watertight.protect_reasons(regclass, name) rename to protect_reasons_plain;
-- +goose StatementBegin
create or replace function watertight.protect_reasons(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select watertight.protect_reasons_plain(rel, tenant_column);
  if watertight.profile() = 'citus' and (select relnamespace from pg_class where oid = rel) <> 'watertight'::regnamespace then
    return query select watertight.citus_reasons(rel, tenant_column);
  end if;
end $$;
-- +goose StatementEnd
comment on function watertight.protect_reasons(regclass, name) is
  'Why protect() would refuse the table: one sentence each, with the remedy. No rows: it would not.';

-- The library's own tables stay on the coordinator: functions of roles that
-- cannot log in read them, and Citus opens connections as such a role.
alter function watertight.protect_ddl(regclass, name) rename to protect_ddl_plain;
-- +goose StatementBegin
create or replace function watertight.protect_ddl(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  there boolean;
begin
  if watertight.profile() <> 'citus' then
    return query select watertight.protect_ddl_plain(rel, tenant_column);
  elsif (select relnamespace from pg_class where oid = rel) = 'watertight'::regnamespace then
    return query select watertight.bare_calls(d) from watertight.protect_ddl_plain(rel, tenant_column) as d;
  else
    there := watertight.is_distributed(rel);
    return query select d from watertight.citus_ddl(rel, tenant_column) as d
      where there is false or d !~ '\mcreate_distributed_table\M';
  end if;
end $$;
-- +goose StatementEnd
comment on function watertight.protect_ddl(regclass, name) is
  'The statements that protect() runs, for teams that review them.';

alter function watertight.share(regclass) rename to share_plain;
-- +goose StatementBegin
create or replace function watertight.share(rel regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if watertight.profile() = 'citus' and watertight.is_distributed(rel) is false
    and (select relnamespace from pg_class where oid = rel) <> 'watertight'::regnamespace
  then
    execute format('select pg_catalog.create_reference_table(%L)', rel);
  end if;
  perform watertight.share_plain(rel);
end $$;
-- +goose StatementEnd
comment on function watertight.share(regclass) is
  'Lets the application read, and only read, a table that belongs to no tenant (countries, plans). Members of watertight_owner maintain its rows. On Citus each node gets a copy.';

-- A distributed table leaves no events, and that is no reason to refuse a
-- migration: see docs/citus.md.
-- +goose StatementBegin
create or replace function watertight.unguarded() returns setof text
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return query select watertight.unguarded_isolation();
  return query
    select format('%s: its changes would leave no event in the audit log', c.oid::regclass)
    from watertight.protected_table p
    cross join lateral (select p.relid::oid as oid union select t.relid from pg_partition_tree(p.relid) t) c
    where p.kind = 'tenant' and exists (select from pg_class where oid = p.relid
        and (relnamespace = 'watertight'::regnamespace or watertight.profile() = 'plain')) -- not dropped since
      and not exists (
      select from pg_trigger g join pg_proc f on f.oid = g.tgfoid
      where g.tgrelid = c.oid and g.tgname = 'watertight_audit' and g.tgenabled = 'A'
        and pg_get_userbyid(f.proowner) = 'watertight_audit');
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
do $$
declare
  f text;
begin
  foreach f in array '{"protect_reasons(regclass,name)","protect_ddl(regclass,name)","share(regclass)","citus_reasons(regclass,name)","citus_ddl(regclass,name)","is_distributed(regclass)","bare_calls(text)"}'::text[] loop
    execute format('alter function watertight.%s owner to watertight_owner', f);
    execute format('revoke all on function watertight.%s from public', f);
    execute format('grant execute on function watertight.%s to watertight_migrator', f);
  end loop;
  -- These change what other roles own, or run on other nodes: for the migrating role alone.
  foreach f in array '{"rewrite_policies(boolean)","use_profile(text)","citus_tenant_source()","citus_node()","citus_statements()","on_workers(text)","citus_share_keys()"}'::text[] loop
    execute format('revoke all on function watertight.%s from public', f);
  end loop;
end $$;
-- +goose StatementEnd

-- +goose Down
select watertight.use_profile('plain');
-- +goose StatementBegin
create or replace function watertight.unguarded() returns setof text
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return query select watertight.unguarded_isolation();
  return query
    select format('%s: its changes would leave no event in the audit log', c.oid::regclass)
    from watertight.protected_table p
    cross join lateral (select p.relid::oid as oid union select t.relid from pg_partition_tree(p.relid) t) c
    where p.kind = 'tenant' and exists (select from pg_class where oid = p.relid) -- not dropped since
      and not exists (
      select from pg_trigger g join pg_proc f on f.oid = g.tgfoid
      where g.tgrelid = c.oid and g.tgname = 'watertight_audit' and g.tgenabled = 'A'
        and pg_get_userbyid(f.proowner) = 'watertight_audit');
end $$;
-- +goose StatementEnd
drop function watertight.share(regclass);
alter function watertight.share_plain(regclass) rename to share;
drop function watertight.protect_ddl(regclass, name);
alter function watertight.protect_ddl_plain(regclass, name) rename to protect_ddl;
drop function watertight.protect_reasons(regclass, name);
alter function watertight.protect_reasons_plain(regclass, name) rename to protect_reasons;
drop function watertight.is_distributed(regclass);
drop function watertight.citus_ddl(regclass, name);
drop function watertight.citus_reasons(regclass, name);
drop function watertight.citus_share_keys();
drop function watertight.on_workers(text);
drop function watertight.citus_statements();
drop function watertight.citus_node();
drop function watertight.use_profile(text);
drop function watertight.rewrite_policies(boolean);
drop function watertight.bare_calls(text);
drop function watertight.citus_tenant_source();
drop function watertight.install_tenant(text);
drop function watertight.profile();
drop table watertight.engine;
