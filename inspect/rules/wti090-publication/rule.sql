select 'warning', p.pubname::text, coalesce(t.name, ''),
  case when p.puballtables then format('the publication %I carries all tables, of all tenants, tomorrow''s included', p.pubname)
    else format('the publication %I carries %s without a row filter', p.pubname, t.name) end,
  case when p.puballtables then format('drop publication %I; publish the tables that are meant', p.pubname)
    else format('alter publication %I set table %s where (%I = …)', p.pubname, t.name, t.col) end
from pg_catalog.pg_publication p
left join lateral (
  select t.* from tenant_table t where not p.puballtables and not t.directory and (
    exists (select from pg_catalog.pg_publication_rel r where r.prpubid = p.oid and r.prrelid = t.relid and r.prqual is null)
    or exists (select from pg_catalog.pg_publication_namespace s join pg_catalog.pg_class k on k.relnamespace = s.pnnspid where s.pnpubid = p.oid and k.oid = t.relid))) t on true
where p.puballtables or t.relid is not null
