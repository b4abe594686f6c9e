-- What the queue's role may do: everything with River's tables, and nothing
-- else. Run it after each of River's migrations; queue_role stands for the
-- role. The guard has given each new table row-level security without a
-- policy, so nobody reaches it before.
grant usage on schema queue to queue_role;
grant select, insert, update, delete on all tables in schema queue to queue_role;
grant usage, select on all sequences in schema queue to queue_role;
grant execute on all functions in schema queue to queue_role;

-- River wakes its workers with notifications; the migrations took the right
-- from PUBLIC because a channel is shared by all tenants.
grant execute on function pg_catalog.pg_notify(text, text) to queue_role;

do $$
declare
  item record;
begin
  for item in select c.oid::regclass as name from pg_class c where c.relnamespace = 'queue'::regnamespace and c.relkind in ('r', 'p') loop
    execute format('drop policy if exists queue on %s', item.name);
    execute format('create policy queue on %s for all to queue_role using (true) with check (true)', item.name);
  end loop;
end $$;
