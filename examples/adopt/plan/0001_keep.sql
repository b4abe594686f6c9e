-- +goose NO TRANSACTION
-- +watertight schema 05c83771ee7517ab
-- Keep the application working.
--
-- Watertight takes rights from PUBLIC that the application may use without having them itself.
-- Its roles get them by name. This is also where the plan's own notes and helpers begin.

-- +goose Up
create schema watertight_adopt
  create table step (
    number   int primary key,
    file     text not null,
    reverts  boolean not null,
    done     int not null,
    finished boolean not null,
    at       timestamptz not null default now()
  )
  create table walked (
    relid oid primary key,
    block bigint not null
  )
  create table saved (
    id      int generated always as identity primary key,
    step    int not null,
    kind    text not null check (kind in ('table', 'sequence', 'schema', 'function', 'database')),
    object  oid not null,
    owner   name not null,
    acl     aclitem[] not null,
    columns jsonb not null default '{}',
    secured boolean not null default false,
    forced  boolean not null default false,
    unique (step, kind, object)
  )
  create table kept (
    role  name not null,
    given text not null,
    primary key (role, given)
  );
revoke all on schema watertight_adopt from public;
-- +goose StatementBegin
create or replace function watertight_adopt.expect_none(what text, counting text) returns void
  language plpgsql set search_path = pg_catalog, pg_temp set row_security = off
as $$
declare
  n bigint;
begin
  execute counting into n;
  if n <> 0 then
    raise exception '%: %', what, n using errcode = '23514', hint = 'Mend these rows, then apply the plan again: it goes on from here.';
  end if;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace procedure watertight_adopt.backfill(rel regclass, col name, expression text)
  language plpgsql
as $$
declare
  stride int := coalesce(nullif(current_setting('watertight_adopt.blocks', true), ''), '128')::int;
  rest   float8 := coalesce(nullif(current_setting('watertight_adopt.rest', true), ''), '1')::float8;
  leaves regclass[] := array(
    select t.relid from pg_catalog.pg_partition_tree(rel) t where t.isleaf
    union
    select c.oid from pg_catalog.pg_class c where c.oid = rel and c.relkind = 'r'
    order by 1);
  leaf   regclass;
  block  bigint;
  total  bigint;
  began  timestamptz;
begin
  foreach leaf in array leaves loop
    block := coalesce((select w.block from watertight_adopt.walked w where w.relid = leaf), 0);
    total := pg_catalog.pg_relation_size(leaf) / current_setting('block_size')::bigint;
    while block < total loop
      began := clock_timestamp();
      set local row_security = off;
      set local lock_timeout = '2s';
      set local session_replication_role = replica;
      execute format('update %s t set %I = %s where t.%I is null and %s is not null and t.ctid >= $1 and t.ctid < $2',
          leaf, col, expression, col, expression)
        using format('(%s,0)', block)::tid, format('(%s,0)', block + stride)::tid;
      block := block + stride;
      insert into watertight_adopt.walked values (leaf, block)
        on conflict (relid) do update set block = excluded.block;
      commit;
      raise notice 'filled % of % blocks of %', least(block, total), total, leaf;
      perform pg_sleep(least(5, rest * extract(epoch from clock_timestamp() - began)));
    end loop;
  end loop;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.save_table(p_step int, rel regclass) returns void
  language sql set search_path = pg_catalog, pg_temp
begin atomic
  insert into watertight_adopt.saved (step, kind, object, owner, acl, columns, secured, forced)
    select p_step, case c.relkind when 'S' then 'sequence' else 'table' end, c.oid, pg_get_userbyid(c.relowner),
      coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's'::"char" else 'r' end, c.relowner)),
      coalesce((select jsonb_object_agg(a.attname, a.attacl::text) from pg_attribute a
        where a.attrelid = c.oid and a.attacl is not null and not a.attisdropped), '{}'),
      c.relrowsecurity, c.relforcerowsecurity
    from pg_class c
    where c.oid in (
      select rel
      union select t.relid from pg_partition_tree(rel) t
      union select d.objid from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
        where d.classid = 'pg_class'::regclass and d.refobjid = rel and d.deptype in ('a', 'i'))
    on conflict do nothing;
end;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.open_table(p_step int, rel regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  sequence regclass;
begin
  perform watertight_adopt.save_table(p_step, rel);
  execute format('grant select, insert, update, delete on table %s to watertight_app, watertight_system', rel);
  for sequence in -- a serial column draws with the rights of whoever inserts
    select d.objid from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.classid = 'pg_class'::regclass and d.refobjid = rel and d.deptype = 'a'
  loop
    execute format('grant usage on sequence %s to watertight_app, watertight_system', sequence);
  end loop;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.save_schema(p_step int, s regnamespace) returns void
  language sql set search_path = pg_catalog, pg_temp
begin atomic
  insert into watertight_adopt.saved (step, kind, object, owner, acl)
    select p_step, 'schema', n.oid, pg_get_userbyid(n.nspowner), coalesce(n.nspacl, acldefault('n', n.nspowner))
    from pg_namespace n where n.oid = s
    on conflict do nothing;
end;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.save_function(p_step int, f regprocedure) returns void
  language sql set search_path = pg_catalog, pg_temp
begin atomic
  insert into watertight_adopt.saved (step, kind, object, owner, acl)
    select p_step, 'function', p.oid, pg_get_userbyid(p.proowner), coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc p where p.oid = f
    on conflict do nothing;
end;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.save_database(p_step int) returns void
  language sql set search_path = pg_catalog, pg_temp
begin atomic
  insert into watertight_adopt.saved (step, kind, object, owner, acl)
    select p_step, 'database', d.oid, pg_get_userbyid(d.datdba), coalesce(d.datacl, acldefault('d', d.datdba))
    from pg_database d where d.datname = current_database()
    on conflict do nothing;
end;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.give(target text, acl aclitem[], columns text) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  g record;
begin
  for g in select r.rolname, e.* from aclexplode(acl) e left join pg_roles r on r.oid = e.grantee loop
    if g.grantee = 0 or g.rolname is not null then
      execute format('grant %s%s on %s to %s%s', g.privilege_type, columns, target,
        case when g.grantee = 0 then 'public' else quote_ident(g.rolname) end,
        case when g.is_grantable then ' with grant option' else '' end);
    end if;
  end loop;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.restore(p_step int) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  o       watertight_adopt.saved;
  target  text;
  current aclitem[];
  linked  boolean;
  col     record;
  r       record;
begin
  for o in select * from watertight_adopt.saved where step = p_step order by id desc loop
    target := case o.kind
      when 'table' then (select 'table ' || c.oid::regclass from pg_class c where c.oid = o.object)
      when 'sequence' then (select 'sequence ' || c.oid::regclass from pg_class c where c.oid = o.object)
      when 'schema' then (select format('schema %I', n.nspname) from pg_namespace n where n.oid = o.object)
      when 'function' then (select 'routine ' || p.oid::regprocedure from pg_proc p where p.oid = o.object)
      else format('database %I', current_database()) end;
    continue when target is null; -- it was dropped meanwhile
    linked := o.kind = 'sequence' and exists (
      select from pg_depend d where d.objid = o.object and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i'));
    if not linked then
      execute format('alter %s owner to %I', target, o.owner);
    end if;
    current := case o.kind
      when 'table' then (select relacl from pg_class where oid = o.object)
      when 'sequence' then (select relacl from pg_class where oid = o.object)
      when 'schema' then (select nspacl from pg_namespace where oid = o.object)
      when 'function' then (select coalesce(proacl, acldefault('f', proowner)) from pg_proc where oid = o.object)
      else (select datacl from pg_database where oid = o.object) end;
    for r in
      select distinct x.grantee, a.rolname from (
        select e.grantee from aclexplode(current) e
        union all
        select e.grantee from pg_attribute a, aclexplode(a.attacl) e where o.kind = 'table' and a.attrelid = o.object) x
      left join pg_roles a on a.oid = x.grantee
    loop
      execute format('revoke all on %s from %s', target, case when r.grantee = 0 then 'public' else quote_ident(r.rolname) end);
    end loop;
    perform watertight_adopt.give(target, o.acl, '');
    for col in select * from jsonb_each_text(o.columns) loop
      perform watertight_adopt.give(target, col.value::aclitem[], format(' (%I)', col.key));
    end loop;
    if o.kind = 'table' and (select relkind from pg_class where oid = o.object) in ('r', 'p') then
      execute format('alter table %s %s row level security, %s row level security', o.object::regclass,
        case when o.secured then 'enable' else 'disable' end, case when o.forced then 'force' else 'no force' end);
    end if;
  end loop;
  delete from watertight_adopt.saved where step = p_step;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.unprotect(rel regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  audit text;
begin
  if not exists (select from watertight.protected_table where relid = rel) then
    return;
  end if;
  select tgfoid::regprocedure::text into audit from pg_trigger where tgrelid = rel and tgname = 'watertight_audit';
  perform watertight.unprotect(rel);
  execute format('drop trigger if exists watertight_audit on %s', rel);
  execute format('drop trigger if exists watertight_audit_truncate on %s', rel);
  if audit is not null then
    execute 'drop function ' || audit;
  end if;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.close_table(rel regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  r record;
begin
  for r in
    select distinct c.oid, c.relkind, e.grantee, a.rolname
    from pg_class c
    cross join lateral (
      select x.grantee from aclexplode(c.relacl) x
      union select x.grantee from pg_attribute t, aclexplode(t.attacl) x where t.attrelid = c.oid) e
    left join pg_roles a on a.oid = e.grantee
    where e.grantee <> c.relowner and coalesce(a.rolname, '') !~ '^watertight_' and c.oid in (
      select rel
      union select t.relid from pg_partition_tree(rel) t
      union select d.objid from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
        where d.classid = 'pg_class'::regclass and d.refobjid = rel and d.deptype in ('a', 'i'))
  loop
    execute format('revoke all on %s %s from %s', case r.relkind when 'S' then 'sequence' else 'table' end, r.oid::regclass,
      case when r.grantee = 0 then 'public' else quote_ident(r.rolname) end);
  end loop;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.keep(role name) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  item record;
begin
  for item in
    select format('%s on database %I', e.privilege_type, d.datname) as what, false as noted
      from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) e
      where d.datname = current_database() and e.grantee = 0
    union all
    select format('%s on schema public', e.privilege_type), false
      from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) e
      where n.nspname = 'public' and e.grantee = 0
    union all
    select 'execute on function ' || p.oid::regprocedure, true
      from pg_proc p
      where p.pronamespace = 'pg_catalog'::regnamespace and has_function_privilege(role, p.oid, 'EXECUTE')
        and not exists (select from aclexplode(p.proacl) e where e.grantee = role::regrole)
        and (p.proname in ('set_config', 'setseed', 'pg_notify',
            'pg_stat_get_activity', 'pg_stat_get_backend_activity', 'pg_stat_get_backend_idset',
            'pg_lock_status', 'pg_prepared_xact', 'currtid2', 'pg_terminate_backend', 'pg_cancel_backend',
            'ts_stat', 'loread', 'lowrite')
          or p.proname ~ '^(query|table|schema|database|cursor)_to_xml' or p.proname ~ '^lo_'
          or p.proname ~ '^pg_(try_)?advisory_' or p.proname = 'ts_rewrite' and p.pronargs = 2)
    union all
    select 'select on ' || c.oid::regclass, true
      from pg_class c
      where c.relnamespace = 'pg_catalog'::regnamespace and has_table_privilege(role, c.oid, 'SELECT')
        and not exists (select from aclexplode(c.relacl) e where e.grantee = role::regrole)
        and (c.relname in ('pg_stat_activity', 'pg_locks', 'pg_prepared_xacts', 'pg_largeobject_metadata')
          or c.relname ~ '^pg_stats' or c.relname ~ '^pg_stat(io)?_(xact_)?(all|user|sys)_tables$')
  loop
    begin
      execute format('grant %s to %I', item.what, role);
      if item.noted then
        insert into watertight_adopt.kept values (role, item.what) on conflict do nothing;
      end if;
    exception when insufficient_privilege then
      null; -- then the installation may not take it from PUBLIC either
    end;
  end loop;
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create or replace function watertight_adopt.unkeep() returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  k watertight_adopt.kept;
begin
  for k in select * from watertight_adopt.kept loop
    execute format('revoke %s from %I', k.given, k.role);
  end loop;
  delete from watertight_adopt.kept;
end $$;
-- +goose StatementEnd
select watertight_adopt.save_database(1);
select watertight_adopt.save_schema(1, 'public');
select watertight_adopt.save_schema(1, 'public');
select watertight_adopt.keep('shop');

-- +goose Down
select watertight_adopt.unkeep();
select watertight_adopt.restore(1);
drop schema watertight_adopt cascade;
