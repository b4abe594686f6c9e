-- Stands for Citus where there is none: each function of it that the library
-- calls writes down what it was called with, in the place where Citus has it.
-- It moves no row and no setting to another node, so a test with it shows which
-- statements are sent, in which order, and what one server makes of the rest.
-- Run in a database of a test only.
create schema stub;
create table stub.call (n bigint generated always as identity, what text not null);
grant usage on schema stub to public;
grant insert on stub.call to public;

set allow_system_table_mods = on;
insert into pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  values (16001, 'citus', 10, 'pg_catalog'::regnamespace, false, 'stub');
create table pg_catalog.pg_dist_partition (
  logicalrelid regclass not null, partmethod "char" not null, partkey text, colocationid int not null default 0, repmodel "char" not null default 'c');
grant select on pg_catalog.pg_dist_partition to public;

create function pg_catalog.create_distributed_table(table_name regclass, distribution_column text) returns void
  language plpgsql security definer as $$
declare
  n int := (select attnum from pg_attribute where attrelid = table_name and attname = distribution_column);
begin
  if exists (select from pg_trigger where tgrelid = table_name and not tgisinternal) then
    raise exception 'cannot distribute relation "%" because it has triggers', table_name;
  end if;
  if exists (select from pg_policy where polrelid = table_name and polqual::text ~ 'SUBLINK') then
    raise exception 'unsupported expression: sub-select in a policy of %', table_name;
  end if;
  insert into stub.call (what) values (format('create_distributed_table(%s, %s)', table_name, distribution_column));
  insert into pg_catalog.pg_dist_partition values (table_name, 'h', format('{VAR :varno 1 :varattno %s :vartype 2950}', n), 1, 's');
end $$;
create function pg_catalog.create_reference_table(table_name regclass) returns void
  language plpgsql security definer as $$
begin
  insert into stub.call (what) values (format('create_reference_table(%s)', table_name));
  insert into pg_catalog.pg_dist_partition values (table_name, 'n', null, 2, 't');
end $$;
create function pg_catalog.create_distributed_function(function_name regprocedure, distribution_arg_name text default null,
    colocate_with text default 'default', force_delegation bool default null) returns void
  language sql as $$ insert into stub.call (what) values (format('create_distributed_function(%s)', function_name)) $$;
create function pg_catalog.run_command_on_workers(command text, parallel bool default true,
    out nodename text, out nodeport int, out success bool, out result text) returns setof record
  language sql as $$
  insert into stub.call (what) values ('run_command_on_workers(' || command || ')');
  select 'worker', 5432, command !~ 'fail on purpose', case when command ~ 'fail on purpose' then 'ERROR: it did' else 'DO' end;
$$;
create function pg_catalog.run_command_on_shards(table_name regclass, command text, parallel bool default true,
    out shardid bigint, out success bool, out result text) returns setof record
  language sql as $$ select 1::bigint, true, command $$;
-- The guard closed it, as every new table; it leaves those of an extension alone.
alter table pg_catalog.pg_dist_partition disable row level security, no force row level security;
reset allow_system_table_mods;
