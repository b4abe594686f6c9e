-- Fills every tenant table with rows that need not make sense, only be many and
-- unevenly spread: the tenant number k has about 1/k of the first one's. What
-- would look at single rows (triggers, checks) is away, what the planner looks
-- at (keys, indexes, statistics) stays.
do $fill$
declare
  tenants constant int := 1500;
  total   constant int := 12000;
  guard record;
  rel   record;
  item  record;
  col   record;
  names text;
  exprs text;
  expr  text;
  words text;
begin
  for guard in select evtname from pg_event_trigger loop
    execute format('alter event trigger %I disable', guard.evtname);
  end loop;
  create temp table sizes as
    select ('00000000-0000-4000-8000-' || lpad(k::text, 12, '0'))::uuid as id,
      greatest(1, (total / 8.0 / k)::int) as rows
    from generate_series(1, tenants) k;
  -- The tenants first: a definer function may ask whether one is active.
  for rel in
    select c.oid, c.oid::regclass as name, a.attname as tenant_column
    from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
      and a.attname = case when c.oid = 'watertight.tenants'::regclass then 'id' else 'tenant_id' end
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace in ('watertight'::regnamespace, 'app'::regnamespace)
    order by c.oid <> 'watertight.tenants'::regclass, c.oid
  loop
    execute format('alter table %s disable trigger all', rel.name);
    names := null;
    exprs := null;
    for col in
      select a.attname, a.attnum, a.attnotnull, format_type(a.atttypid, null) as type
      from pg_attribute a
      where a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''
      order by a.attnum
    loop
      -- A column that has a list of words for its values gets those.
      select (regexp_match(pg_get_constraintdef(k.oid), '= ANY \(+(ARRAY\[[^]]*\])'))[1] into words
        from pg_constraint k
        where k.conrelid = rel.oid and k.contype = 'c' and k.conkey = array[col.attnum]
          and pg_get_constraintdef(k.oid) like '%= ANY (%';
      expr := case
        when col.attname = rel.tenant_column then 't.id'
        when words is not null then format('(%s)[1 + n %% cardinality(%s)]', words, words)
        when col.type = 'uuid' then format('md5(n::text || t.id)::uuid')
        when col.type in ('text', 'character varying', 'citext') then $$'value ' || n || ' ' || t.id$$
        when col.type in ('smallint', 'integer', 'bigint', 'numeric', 'double precision') then 'n % 30000'
        when col.type = 'boolean' then 'n % 2 = 0'
        when col.type like 'timestamp%' then $$now() - n * interval '1 minute'$$
        when col.type = 'date' then 'current_date - n % 1000'
        when col.type = 'interval' then $$n * interval '1 minute'$$
        when col.type = 'bytea' then 'sha256(convert_to(n::text || t.id, ''UTF8''))'
        when col.type in ('json', 'jsonb') then $$'{}'$$
        when col.type = 'inet' then $$'192.0.2.1'$$
        when col.type = 'xid8' then 'n::text::xid8'
        when col.type = 'tstzrange' then $$tstzrange(now() + n * interval '1 hour', now() + (n + 1) * interval '1 hour')$$
        when col.type like '%[]' then $$'{}'$$
      end;
      if expr is null then
        raise exception '%.% is of type %, for which there is no value (add one here)', rel.name, col.attname, col.type;
      end if;
      if not col.attnotnull then
        expr := format('case when n %% 3 > 0 then %s end', expr);
      end if;
      names := concat_ws(', ', names, quote_ident(col.attname));
      exprs := concat_ws(', ', exprs, format('cast(%s as %s)', expr, col.type));
    end loop;
    for item in select conname from pg_constraint where conrelid = rel.oid and contype = 'c' loop
      execute format('alter table %s drop constraint %I', rel.name, item.conname);
    end loop;
    execute format('insert into %s (%s) select %s from sizes t, generate_series(1, t.rows) n on conflict do nothing', rel.name, names, exprs);
    execute format('alter table %s enable trigger all', rel.name);
  end loop;
end $fill$;
