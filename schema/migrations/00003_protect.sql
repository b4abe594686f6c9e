-- +goose Up
-- protect(): everything a tenant table needs, by one call; and the guard, an
-- event trigger that refuses to take it away again.

create table watertight.protected_table (
  relid         regclass primary key,
  kind          text not null check (kind in ('tenant', 'shared')),
  tenant_column name,
  policies      text not null
);
comment on table watertight.protected_table is
  'The tables under protection and the policies they must have, as the guard compares them.';
alter table watertight.protected_table owner to watertight_owner;

-- +goose StatementBegin
create function watertight.policies_of(rel regclass) returns text
  language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select coalesce(string_agg(concat_ws(' ', polname, polcmd, polpermissive,
      (select string_agg(coalesce(r.rolname, 'public'), ',' order by r.rolname)
         from unnest(polroles) as o(oid) left join pg_roles r on r.oid = o.oid),
      'using', pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid)),
    E'\n' order by polname), '')
  from pg_policy where polrelid = rel;
end;
-- +goose StatementEnd
alter function watertight.policies_of(regclass) owner to watertight_owner;
revoke all on function watertight.policies_of(regclass) from public;

-- +goose StatementBegin
create function watertight.protect_reasons(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  c      pg_class;
  tcol   pg_attribute;
  pk     pg_index;
  item   record;
  parent pg_attribute;
  is_tenants boolean := rel = to_regclass('watertight.tenants');
begin
  select * into c from pg_class where oid = rel;
  if c.relkind not in ('r', 'p') then
    return next format('%s is not a table (protect the tables below it)', rel);
    return;
  end if;
  if c.relispartition then
    return next format('%s is a partition (protect its parent)', rel);
    return;
  end if;
  if exists (select from pg_inherits where inhrelid = rel) then
    return next format('%s inherits from another table, whose policies would decide for its rows (make it a table of its own or a partition)', rel);
  end if;
  select * into tcol from pg_attribute
    where attrelid = rel and attname = tenant_column and attnum > 0 and not attisdropped;
  if tcol.attname is null then
    return next format('%s has no column %I (add it: %I uuid not null)', rel, tenant_column, tenant_column);
    return;
  end if;
  if tcol.atttypid <> 'uuid'::regtype then
    return next format('%s.%I is of type %s (it must be uuid)', rel, tenant_column, format_type(tcol.atttypid, tcol.atttypmod));
  end if;
  if tcol.attgenerated <> '' then
    return next format('%s.%I is a generated column (make it a plain one, which the query writes)', rel, tenant_column);
  end if;

  select * into pk from pg_index where indrelid = rel and indisprimary;
  if pk.indexrelid is null then
    return next format('%s has no primary key (add one that begins with %I)', rel, tenant_column);
  elsif pk.indkey[0] <> tcol.attnum then
    return next format('the primary key of %s does not begin with %I (make it (%I, …))', rel, tenant_column, tenant_column);
  end if;
  for item in
    select i.indexrelid::regclass as name from pg_index i
    where i.indrelid = rel and i.indisunique and not i.indisprimary and not (tcol.attnum = any (i.indkey))
  loop
    return next format('the unique index %s does not contain %I: an insert would tell that another tenant has the value (make it (%I, …))', item.name, tenant_column, tenant_column);
  end loop;
  for item in
    select k.conname from pg_constraint k
    where k.conrelid = rel and k.contype = 'x' and not exists (
      select from unnest(k.conkey, k.conexclop) as e(att, op) join pg_operator o on o.oid = e.op
      where e.att = tcol.attnum and o.oprname = '=')
  loop
    return next format('the exclusion constraint %I of %s does not contain %I with = (add it first)', item.conname, rel, tenant_column);
  end loop;

  for item in select k.* from pg_constraint k where k.conrelid = rel and k.contype = 'f' loop
    if item.confrelid <> coalesce(to_regclass('watertight.tenants'), 0) then
      parent := null;
      select a.* into parent from pg_attribute a
        where a.attrelid = item.confrelid and a.attname = tenant_column and a.attnum > 0 and not a.attisdropped;
      if parent.attname is not null and not exists (
        select from unnest(item.conkey, item.confkey) as p(child, par) where child = tcol.attnum and par = parent.attnum)
      then
        return next format('the foreign key %I of %s to %s can refer to a row of another tenant (make it (%I, …) references %s (%I, …))',
          item.conname, rel, item.confrelid::regclass, tenant_column, item.confrelid::regclass, tenant_column);
      end if;
    end if;
    if tcol.attnum = any (item.conkey) and not is_tenants then
      if item.confupdtype in ('c', 'n', 'd') then
        return next format('the foreign key %I of %s would change %I on an update of its parent (use on update no action)', item.conname, rel, tenant_column);
      end if;
      if item.confdeltype in ('n', 'd') and (item.confdelsetcols is null or tcol.attnum = any (item.confdelsetcols)) then
        return next format('the foreign key %I of %s would change %I on a delete of its parent (name the other columns: on delete set null (…))', item.conname, rel, tenant_column);
      end if;
    end if;
  end loop;
end $$;
-- +goose StatementEnd
comment on function watertight.protect_reasons(regclass, name) is
  'Why protect() would refuse the table: one sentence each, with the remedy. No rows: it would not.';

-- +goose StatementBegin
create function watertight.protect_ddl(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  c         pg_class;
  citus     boolean := exists (select from pg_extension where extname = 'citus');
  tenant    text := case when citus then 'watertight.tenant()' else '(select watertight.tenant())' end;
  cross_ok  text := case when citus then 'watertight.crosstenant()' else '(select watertight.crosstenant())' end;
  tcol      smallint;
  insertable text;
  updatable text;
  item      record;
begin
  select * into c from pg_class where oid = rel;
  select attnum into tcol from pg_attribute where attrelid = rel and attname = tenant_column;
  return next format('grant usage, create on schema %s to watertight_owner', c.relnamespace::regnamespace);
  return next format('grant usage on schema %s to watertight_app, watertight_system', c.relnamespace::regnamespace);
  if c.relowner <> 'watertight_owner'::regrole then
    return next format('alter table %s owner to watertight_owner', rel);
  end if;
  return next format('alter table %s alter column %I set not null', rel, tenant_column);

  -- Every record belongs to one tenant that exists: by a key of its own, or
  -- through a parent whose key carries the tenant.
  if to_regclass('watertight.tenants') is not null and rel <> to_regclass('watertight.tenants')
    and not exists (
      select from pg_constraint k where k.conrelid = rel and k.contype = 'f' and tcol = any (k.conkey))
  then
    return next format('alter table %s add foreign key (%I) references watertight.tenants (id)', rel, tenant_column);
  end if;

  for item in
    select t.relid::regclass as name from pg_partition_tree(rel) t
    union select rel
    order by 1
  loop
    return next format('alter table %s enable row level security, force row level security', item.name);
    return next format('revoke all on table %s from public, watertight_app, watertight_system', item.name);
  end loop;

  -- One permissive policy for a role. A second one would be OR-ed with it, and
  -- a restrictive one turns permissive on Citus.
  return next format('drop policy if exists tenant_isolation on %s', rel);
  return next format('create policy tenant_isolation on %s for all to watertight_app using (%I = %s) with check (%I = %s)',
    rel, tenant_column, tenant, tenant_column, tenant);
  return next format('drop policy if exists crosstenant on %s', rel);
  return next format('create policy crosstenant on %s for all to watertight_system using (%s) with check (%s)', rel, cross_ok, cross_ok);

  select string_agg(quote_ident(a.attname), ', ' order by a.attnum) filter (where a.attidentity <> 'a'),
         string_agg(quote_ident(a.attname), ', ' order by a.attnum) filter (
           where a.attidentity <> 'a' and a.attnum <> tcol and not (a.attnum = any (coalesce(i.indkey::int2[], '{}'))))
    into insertable, updatable
    from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
    where a.attrelid = rel and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';
  return next format('grant select, delete, insert (%s) on table %s to watertight_app, watertight_system', insertable, rel);
  if updatable is not null then
    return next format('grant update (%s) on table %s to watertight_app, watertight_system', updatable, rel);
  end if;
  for item in -- a serial column calls nextval with the rights of whoever inserts
    select d.objid::regclass as name from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.classid = 'pg_class'::regclass and d.refobjid = rel and d.deptype = 'a'
  loop
    return next format('grant usage on sequence %s to watertight_app, watertight_system', item.name);
  end loop;

  return next format('create or replace trigger watertight_immutable before update on %s for each row when (old.%I is distinct from new.%I) execute function watertight.refuse_tenant_change()',
    rel, tenant_column, tenant_column);
  return next format('alter table %s enable always trigger watertight_immutable', rel);
end $$;
-- +goose StatementEnd
comment on function watertight.protect_ddl(regclass, name) is
  'The statements that protect() runs, for teams that review them.';

-- +goose StatementBegin
create function watertight.refuse_tenant_change() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'a row of % cannot change its tenant', tg_relid::regclass
    using errcode = '42501', constraint = 'watertight_immutable';
end $$;
-- +goose StatementEnd
alter function watertight.refuse_tenant_change() owner to watertight_owner;
revoke all on function watertight.refuse_tenant_change() from public;
grant execute on function watertight.refuse_tenant_change() to watertight_migrator;

-- +goose StatementBegin
create function watertight.protect(rel regclass, tenant_column name default 'tenant_id') returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  reasons   text[] := array(select watertight.protect_reasons(rel, tenant_column));
  statement text;
begin
  if reasons <> '{}' then
    raise exception '% cannot be protected: %', rel, array_to_string(reasons, '; ')
      using errcode = '42P16';
  end if;
  -- Off the guard's list while its policies are replaced, in one transaction.
  delete from watertight.protected_table where relid = rel;
  for statement in select watertight.protect_ddl(rel, tenant_column) loop
    execute statement;
  end loop;
  insert into watertight.protected_table values (rel, 'tenant', tenant_column, watertight.policies_of(rel));
end $$;
-- +goose StatementEnd
comment on function watertight.protect(regclass, name) is
  'Puts a tenant table under protection: owner, NOT NULL, row-level security enabled and forced, one policy a role, column grants, immutable tenant, a foreign key to the tenants. Run it in the migration that makes the table, and again when columns are added. Refuses a table whose keys cross tenants.';

-- +goose StatementBegin
create function watertight.share(rel regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  c pg_class;
begin
  select * into c from pg_class where oid = rel;
  delete from watertight.protected_table where relid = rel;
  execute format('grant usage, create on schema %s to watertight_owner', c.relnamespace::regnamespace);
  execute format('grant usage on schema %s to watertight_app, watertight_system', c.relnamespace::regnamespace);
  if c.relowner <> 'watertight_owner'::regrole then
    execute format('alter table %s owner to watertight_owner', rel);
  end if;
  execute format('alter table %s enable row level security, force row level security', rel);
  execute format('revoke all on table %s from public, watertight_app, watertight_system', rel);
  execute format('drop policy if exists shared on %s', rel);
  execute format('create policy shared on %s for select to watertight_app, watertight_system using (true)', rel);
  -- Whoever maintains its rows acts for the owner, on whom row-level security is forced too.
  execute format('drop policy if exists maintenance on %s', rel);
  execute format('create policy maintenance on %s for all to watertight_owner using (true) with check (true)', rel);
  execute format('grant select on table %s to watertight_app, watertight_system', rel);
  insert into watertight.protected_table values (rel, 'shared', null, watertight.policies_of(rel));
end $$;
-- +goose StatementEnd
comment on function watertight.share(regclass) is
  'Lets the application read, and only read, a table that belongs to no tenant (countries, plans). Members of watertight_owner maintain its rows.';

-- +goose StatementBegin
create function watertight.unprotect(rel regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  item record;
begin
  delete from watertight.protected_table where relid = rel;
  execute format('revoke all on table %s from watertight_app, watertight_system', rel);
  for item in select polname from pg_policy where polrelid = rel loop
    execute format('drop policy %I on %s', item.polname, rel);
  end loop;
  execute format('drop trigger if exists watertight_immutable on %s', rel);
end $$;
-- +goose StatementEnd
comment on function watertight.unprotect(regclass) is
  'Takes a table out of service: the application loses every right on it, and row-level security stays on, so nobody but its owner reaches a row.';

-- +goose StatementBegin
do $$
declare
  f text;
begin
  -- These run with the rights of whoever migrates.
  foreach f in array '{"protect(regclass,name)","protect_ddl(regclass,name)","protect_reasons(regclass,name)","share(regclass)","unprotect(regclass)"}'::text[] loop
    execute format('alter function watertight.%s owner to watertight_owner', f);
    execute format('revoke all on function watertight.%s from public', f);
    execute format('grant execute on function watertight.%s to watertight_migrator', f);
  end loop;
end $$;
-- +goose StatementEnd
grant execute on function watertight.policies_of(regclass) to watertight_migrator;
grant select, insert, update, delete on watertight.protected_table to watertight_migrator;

-- The guard. A table that nobody protected yet is closed, not open; and a
-- protected one stays so until unprotect().
-- +goose StatementBegin
create function watertight.guard_new_table() returns event_trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  item record;
begin
  for item in
    select distinct c.oid::regclass as name
    from pg_event_trigger_ddl_commands() d join pg_class c on c.oid = d.objid
    where d.classid = 'pg_class'::regclass and not d.in_extension
      and c.relkind in ('r', 'p') and c.relpersistence <> 't'
      and not (c.relrowsecurity and c.relforcerowsecurity)
  loop
    execute format('alter table %s enable row level security, force row level security', item.name);
  end loop;
end $$;
-- +goose StatementEnd
alter function watertight.guard_new_table() owner to watertight_owner;

-- +goose StatementBegin
create function watertight.unguarded() returns setof text
  language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select format('%s: %s', c.oid::regclass, case
      when not c.relrowsecurity then 'row-level security was disabled'
      when not c.relforcerowsecurity then 'row-level security is no longer forced on the owner'
      else 'its policies were changed' end)
  from watertight.protected_table p join pg_class c on c.oid = p.relid
  where not (c.relrowsecurity and c.relforcerowsecurity and watertight.policies_of(p.relid) = p.policies)
  union all
  select format('%s: a partition of %s without forced row-level security', c.oid::regclass, p.relid)
  from watertight.protected_table p, pg_partition_tree(p.relid) t, pg_class c
  where c.oid = t.relid and not (c.relrowsecurity and c.relforcerowsecurity) and c.oid <> p.relid;
end;
-- +goose StatementEnd
comment on function watertight.unguarded() is
  'Protected tables that have lost a part of their protection. The guard refuses the statement that would make a row appear here.';
alter function watertight.unguarded() owner to watertight_owner;
revoke all on function watertight.unguarded() from public;
grant execute on function watertight.unguarded() to watertight_migrator, watertight_app, watertight_system;

-- +goose StatementBegin
create function watertight.guard_protected() returns event_trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  problem text;
begin
  select string_agg(u, '; ') into problem from watertight.unguarded() as u;
  if problem is not null then
    raise exception 'refused by the guard: %', problem
      using errcode = '42501', constraint = 'watertight_guard',
        hint = 'Change it with watertight.protect, watertight.share or watertight.unprotect.';
  end if;
end $$;
-- +goose StatementEnd
alter function watertight.guard_protected() owner to watertight_owner;

-- +goose StatementBegin
do $$
begin
  create event trigger watertight_new_table on ddl_command_end
    when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
    execute function watertight.guard_new_table();
  create event trigger watertight_protected on ddl_command_end
    when tag in ('ALTER TABLE', 'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY')
    execute function watertight.guard_protected();
exception when insufficient_privilege then
  insert into watertight.limitation values ('event-triggers',
    'create the event triggers that guard protected tables',
    'a later migration can weaken a protected table or add an unprotected one without being refused: run watertight inspect in CI, which finds both')
    on conflict do nothing;
end $$;
-- +goose StatementEnd

-- +goose Down
drop event trigger if exists watertight_protected;
drop event trigger if exists watertight_new_table;
drop function watertight.guard_protected();
drop function watertight.unguarded();
drop function watertight.guard_new_table();
drop function watertight.unprotect(regclass);
drop function watertight.share(regclass);
drop function watertight.protect(regclass, name);
drop function watertight.refuse_tenant_change();
drop function watertight.protect_ddl(regclass, name);
drop function watertight.protect_reasons(regclass, name);
drop function watertight.policies_of(regclass);
drop table watertight.protected_table;
