-- All that a schema is, one line for each thing, without what is Watertight's:
-- the two must be equal before a plan and after its way back.
with
mine as (
  select oid, nspname from pg_namespace
  where nspname !~ '^pg_' and nspname not in ('information_schema', 'watertight', 'watertight_adopt')),
rights as (
  select 'd' as kind, oid, datname::text as name, datdba as owner, coalesce(datacl, acldefault('d', datdba)) as acl from pg_database where datname = current_database()
  union all
  select 'n', oid, nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner)) from pg_namespace where oid in (select oid from mine)
  union all
  select case relkind when 'S' then 's' else 'r' end, oid, oid::regclass::text, relowner, coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r' end, relowner))
    from pg_class where relkind in ('r', 'p', 'v', 'm', 'S') and (relnamespace in (select oid from mine) or relnamespace = 'pg_catalog'::regnamespace)
  union all
  select 'f', oid, oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
    from pg_proc where pronamespace in (select oid from mine) or pronamespace = 'pg_catalog'::regnamespace)
select concat_ws(' ', kind, name, owner::regrole, (
    select string_agg(concat_ws(' ', grantee::regrole, privilege_type, is_grantable), ',' order by grantee::regrole::text, privilege_type)
    from aclexplode(acl))) as line
  from rights
union all
select concat_ws(' ', 'relation', c.oid::regclass, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions, c.relreplident)
  from pg_class c where c.relnamespace in (select oid from mine) and c.relkind in ('r', 'p', 'v', 'm')
union all
select concat_ws(' ', 'column', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attacl, pg_get_expr(d.adbin, d.adrelid))
  from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where c.relnamespace in (select oid from mine) and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
union all
select concat_ws(' ', 'constraint', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid), k.convalidated, k.conparentid <> 0)
  from pg_constraint k where k.connamespace in (select oid from mine)
union all
select concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisprimary, i.indisunique, i.indimmediate, x.relispartition)
  from pg_index i join pg_class x on x.oid = i.indexrelid where x.relnamespace in (select oid from mine)
union all
select concat_ws(' ', 'trigger', t.tgrelid::regclass, pg_get_triggerdef(t.oid), t.tgenabled)
  from pg_trigger t join pg_class c on c.oid = t.tgrelid where c.relnamespace in (select oid from mine) and not t.tgisinternal
union all
select concat_ws(' ', 'policy', polrelid::regclass, polname) from pg_policy p join pg_class c on c.oid = p.polrelid where c.relnamespace in (select oid from mine)
union all
select concat_ws(' ', 'routine', pg_get_functiondef(p.oid)) from pg_proc p where p.pronamespace in (select oid from mine) and p.prokind in ('f', 'p')
union all
select concat_ws(' ', 'view', c.oid::regclass, pg_get_viewdef(c.oid)) from pg_class c where c.relnamespace in (select oid from mine) and c.relkind in ('v', 'm')
union all
select concat_ws(' ', 'event trigger', evtname) from pg_event_trigger
order by 1
