select 'warning', t.name || '.' || pg_catalog.quote_ident(t.col), t.name,
  case when a.attgenerated <> '' then format('%s.%I is generated: the query does not say whose the row is', t.name, t.col)
    when a.attidentity <> '' then format('%s.%I is an identity column: every row begins a tenant of its own', t.name, t.col)
    when t.fills = 'context' then format('%s.%I defaults to the context: with a stale one a row lands in another tenant, and the policy agrees', t.name, t.col)
    else format('%s.%I defaults to one tenant: a row that names none is that tenant''s', t.name, t.col) end,
  format('alter table %s alter column %I drop default', t.name, t.col)
from tenant_table t
join pg_catalog.pg_attribute a on a.attrelid = t.relid and a.attnum = t.attnum
where not t.directory and (a.attgenerated <> '' or a.attidentity <> '' or t.fills <> '')
  and not (select k.relispartition from pg_catalog.pg_class k where k.oid = t.relid)
