with fk as (
  select k.*, t.name, t.attnum, t.col, a.attnotnull,
    k.confupdtype in ('c', 'n', 'd') as on_update,
    k.confdeltype in ('n', 'd') and (k.confdelsetcols is null or t.attnum = any (k.confdelsetcols)) as on_delete
  from pg_catalog.pg_constraint k join tenant_table t on t.relid = k.conrelid join pg_catalog.pg_attribute a on a.attrelid = t.relid and a.attnum = t.attnum
  where k.contype = 'f' and not t.directory and k.conparentid = 0 and t.attnum = any (k.conkey)),
judged as (
  select f.*, p.reldirectory,
    exists (select from access a join lateral (
        select x.parent from unnest(f.conkey, f.confkey) as x(child, parent) where x.child = f.attnum) u on true
      where a.relid = f.confrelid and u.parent = any (a.upd_cols)
        and exists (select from verdict v where v.relid = f.confrelid and v.role = a.role and v.command = 'UPDATE CHECK' and v.level not in ('closed', 'pinned'))) as can_update,
    exists (select from access a where a.relid = f.confrelid and a.del
        and exists (select from verdict v where v.relid = f.confrelid and v.role = a.role and v.command = 'DELETE' and v.level <> 'closed')) as can_delete
  from fk f cross join lateral (select exists (select from tenant_table d where d.relid = f.confrelid and d.directory) as reldirectory) p)
select case when on_update and can_update or on_delete and can_delete and (confdeltype = 'd' or not attnotnull) then 'error' else 'warning' end,
  conname::text || ' on ' || name, name,
  format('the foreign key %I changes %s.%I when its parent is %s: no policy of %2$s is asked', conname, name, col,
    case when on_update and on_delete then 'updated or deleted' when on_update then 'updated' else 'deleted' end),
  format('alter table %s drop constraint %I, add foreign key (%s) references %s (%s)%s', name, conname,
    (select string_agg(pg_catalog.quote_ident(a.attname), ', ' order by u.ord) from unnest(conkey) with ordinality u(att, ord) join pg_catalog.pg_attribute a on a.attrelid = conrelid and a.attnum = u.att),
    confrelid::regclass,
    (select string_agg(pg_catalog.quote_ident(a.attname), ', ' order by u.ord) from unnest(confkey) with ordinality u(att, ord) join pg_catalog.pg_attribute a on a.attrelid = confrelid and a.attnum = u.att),
    case when confdeltype in ('n', 'd') then format(' on delete set %s (%s)', case confdeltype when 'n' then 'null' else 'default' end,
      coalesce((select string_agg(pg_catalog.quote_ident(a.attname), ', ') from pg_catalog.pg_attribute a where a.attrelid = conrelid and a.attnum = any (conkey) and a.attnum <> judged.attnum), '…')) else '' end)
from judged where (on_update or on_delete) and not (reldirectory and on_update and not can_update and not on_delete)
