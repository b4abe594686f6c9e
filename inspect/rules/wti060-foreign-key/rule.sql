with fk as (
  select k.*, c.attnum as ctenant, c.name as cname, c.col as ccol, p.attnum as ptenant, p.name as pname, p.col as pcol
  from pg_catalog.pg_constraint k join tenant_table c on c.relid = k.conrelid join tenant_table p on p.relid = k.confrelid
  where k.contype = 'f' and not c.directory and not p.directory and k.conparentid = 0),
crossing as (
  select * from fk where not exists (
    select from unnest(fk.conkey, fk.confkey) as x(child, parent) where x.child = fk.ctenant and x.parent = fk.ptenant))
select case when exists (
    -- somebody can write the key, or delete the row that it refers to
    select from access a where a.relid = x.conrelid and (a.ins_cols && x.conkey or a.upd_cols && x.conkey)
    union all select from access a where a.relid = x.confrelid and a.del) then 'error' else 'warning' end,
  x.conname::text || ' on ' || x.cname, x.cname,
  format('the foreign key %I of %s can refer to a row of another tenant in %s: it tells which keys exist there%s', x.conname, x.cname, x.pname,
    case x.confdeltype when 'c' then ', and deleting the row deletes the other tenant''s too' when 'n' then ', and deleting the row changes the other tenant''s too' else ', and the row cannot be deleted any more' end),
  format('alter table %s drop constraint %I, add foreign key (%I, %s) references %s (%I, %s)', x.cname, x.conname, x.ccol,
    (select string_agg(pg_catalog.quote_ident(a.attname), ', ' order by u.ord) from unnest(x.conkey) with ordinality u(att, ord) join pg_catalog.pg_attribute a on a.attrelid = x.conrelid and a.attnum = u.att where u.att <> x.ctenant),
    x.pname, x.pcol,
    (select string_agg(pg_catalog.quote_ident(a.attname), ', ' order by u.ord) from unnest(x.confkey) with ordinality u(att, ord) join pg_catalog.pg_attribute a on a.attrelid = x.confrelid and a.attnum = u.att where u.att <> x.ptenant))
from crossing x
union all
-- A table without a tenant column: its policies must look up every parent.
select 'error', k.conname::text || ' on ' || k.conrelid::regclass::text, k.conrelid::regclass::text,
  format('the foreign key %I of %s refers to %s, and no policy checks for %s that the row there is the tenant''s own', k.conname, k.conrelid::regclass, p.name, a.role_name),
  format('alter table %s add column %I …, and make the key (%2$I, …) references %s (%2$I, …)', k.conrelid::regclass, p.col, p.name)
from pg_catalog.pg_constraint k join tenant_table p on p.relid = k.confrelid
join access a on a.relid = k.conrelid and (a.ins_cols && k.conkey or a.upd_cols && k.conkey)
join reference r on r.con = k.oid and r.role = a.role
where k.contype = 'f' and k.conparentid = 0 and not p.directory and not r.checked
  and not exists (select from tenant_table t where t.relid = k.conrelid)
  and (select relrowsecurity from pg_catalog.pg_class where oid = k.conrelid)
