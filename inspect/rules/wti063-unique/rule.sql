with u as (
  select i.*, t.name, t.attnum, t.col, x.relname,
    array(select a.attnum from pg_catalog.pg_attribute a where a.attrelid = t.relid and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])) as cols,
    (select string_agg(coalesce(pg_catalog.quote_ident(a.attname), '(expression)'), ', ' order by k.ord) from unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) with ordinality k(att, ord) left join pg_catalog.pg_attribute a on a.attrelid = t.relid and a.attnum = k.att and k.att > 0) as names,
    (select con.conname from pg_catalog.pg_constraint con where con.conindid = i.indexrelid and con.contype in ('p', 'u') limit 1) as con,
    f.drawn
  from tenant_table t join pg_catalog.pg_index i on i.indrelid = t.relid join pg_catalog.pg_class x on x.oid = i.indexrelid
  join tenant_index f on f.index = i.indexrelid
  where i.indisunique and not i.indisexclusion and not f.tenant and not t.directory and not x.relispartition),
judged as (
  select u.*, w.role_name,
    -- a key that the server draws at random, or that a token is: nobody guesses it
    u.drawn or exists (select from pg_catalog.pg_attribute a
      where a.attrelid = u.indrelid and a.attnum = any (u.cols) and (
        a.atttypid = 'uuid'::regtype or a.attidentity <> '' or a.attname ~* '(token|secret|hash|nonce|digest|api_?key|jti|ulid|uuid)' or a.atttypid = 'bytea'::regtype)) as surrogate,
    exists (select from pg_catalog.pg_constraint k where k.contype = 'f' and k.conrelid = u.indrelid and k.conkey @> u.cols and u.cols @> k.conkey and 0 <> all (u.indkey::int2[])
      and exists (select from pg_catalog.pg_constraint pk where pk.conrelid = k.confrelid and pk.contype in ('p', 'u') and pk.conkey = k.confkey)) as follows
  from u left join lateral (
    select a.role_name from access a where a.relid = u.indrelid
      and (a.ins_cols && u.cols or a.upd_cols && u.cols or cardinality(u.cols) = 0 and (a.ins or a.upd) or 0 = any (u.indkey::int2[]) and (a.ins or a.upd)) limit 1) w on true)
select case when role_name is null or surrogate or follows then 'warning' else 'error' end,
  coalesce(con, relname)::text || ' on ' || name, name,
  format('the unique key %I of %s (%s) does not contain %I: %s', coalesce(con, relname), name, names, col,
    case when role_name is null then 'values of all tenants exclude each other, although the application writes none of them itself'
      when surrogate then 'an insert with a key of one''s own tells whether another tenant has it'
      else format('when %s inserts a value that another tenant has, the error says so', role_name) end),
  case when con is not null then format('alter table %s drop constraint %I, add %s', name, con,
      case when indisprimary then format('primary key (%I, %s)', col, names) else format('unique (%I, %s)', col, names) end)
    else format('drop index %s; create unique index on %s (%I, %s)', indexrelid::regclass, name, col, names) end
from judged
