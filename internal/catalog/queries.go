package catalog

// The queries name the columns in the order of the struct's fields. All take
// the schemas to read, an empty list for all, and whether texts are wanted;
// except those for functions and roles. A text is what the server writes of an
// expression, for which it locks the table.

const relationsSQL = `
select c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text, c.relowner,
  c.relrowsecurity, c.relforcerowsecurity, c.relispartition,
  exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'),
  coalesce(c.reloptions, '{}'),
  array(select i.inhparent from pg_catalog.pg_inherits i where i.inhrelid = c.oid order by i.inhseqno),
  c.reltuples,
  coalesce(case when $2 and c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end, '')
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and ` + userSchema + `
order by n.nspname, c.relname`

// userSchema selects what is not the server's own. Names that begin with pg_
// are refused for users' schemas.
const userSchema = `$2::boolean is not null and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and (cardinality($1::text[]) = 0 or n.nspname = any ($1::text[]))`

const columnsSQL = `
select a.attrelid, a.attnum, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid,
  t.typtype::text, b.base, pg_catalog.format_type(b.base, null), a.attnotnull or b.notnull, a.attidentity::text, a.attgenerated::text,
  coalesce(case when $2 then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end, ''), coalesce(d.adbin::text, ''),
  coalesce(co.collisdeterministic, true)
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_type t on t.oid = a.atttypid
cross join lateral (
  with recursive domain as (
    select t.oid, t.typtype, t.typbasetype, t.typnotnull
    union all
    select u.oid, u.typtype, u.typbasetype, u.typnotnull
    from domain join pg_catalog.pg_type u on domain.typtype = 'd' and u.oid = domain.typbasetype)
  select max(oid) filter (where typtype <> 'd') as base, bool_or(typnotnull) as notnull from domain) b
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_catalog.pg_collation co on co.oid = a.attcollation
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and ` + userSchema + `
order by a.attrelid, a.attnum`

const constraintsSQL = `
select k.oid, k.conrelid, k.conname::text, k.contype::text, coalesce(k.conkey, '{}'), k.convalidated, k.condeferrable, k.condeferred,
  coalesce(case when $2 then pg_catalog.pg_get_constraintdef(k.oid) end, ''), coalesce(k.conbin::text, ''), k.conindid, k.conparentid,
  k.confrelid, coalesce(k.confkey, '{}'), k.confupdtype::text, k.confdeltype::text, coalesce(k.confdelsetcols, '{}'), k.confmatchtype::text,
  coalesce(k.conexclop, '{}')
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where ` + userSchema + `
order by k.conrelid, k.contype, k.conname`

const indexesSQL = `
select i.indexrelid, i.indrelid, x.relname::text, i.indisunique, i.indisprimary, i.indisexclusion, i.indisvalid,
  (i.indkey::int2[])[0:i.indnkeyatts - 1], (i.indkey::int2[])[i.indnkeyatts:],
  coalesce(i.indexprs::text, ''), coalesce(i.indpred::text, ''), i.indnullsnotdistinct, x.relispartition,
  coalesce(case when $2 then pg_catalog.pg_get_indexdef(i.indexrelid) end, '')
from pg_catalog.pg_index i
join pg_catalog.pg_class x on x.oid = i.indexrelid
join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where ` + userSchema + `
order by i.indrelid, x.relname`

const policiesSQL = `
select p.oid, p.polrelid, p.polname::text, p.polcmd::text, p.polpermissive, p.polroles,
  coalesce(case when $2 then pg_catalog.pg_get_expr(p.polqual, p.polrelid) end, ''), coalesce(p.polqual::text, ''),
  coalesce(case when $2 then pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) end, ''), coalesce(p.polwithcheck::text, '')
from pg_catalog.pg_policy p
join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where ` + userSchema + `
order by p.polrelid, p.polname`

const triggersSQL = `
select t.oid, t.tgrelid, t.tgname::text, t.tgfoid, t.tgtype, t.tgenabled::text, t.tgisinternal, t.tgdeferrable
from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where ` + userSchema + `
order by t.tgrelid, t.tgname`

const rulesSQL = `
select r.oid, r.ev_class, r.rulename::text, r.ev_type::text, r.is_instead, r.ev_enabled::text, r.ev_action::text
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where ` + userSchema + `
order by r.ev_class, r.rulename`

const functionsSQL = `
select p.oid, n.nspname::text, p.proname::text, pg_catalog.oidvectortypes(p.proargtypes), p.prokind::text, l.lanname::text, p.proowner,
  p.prosecdef, p.proleakproof, p.provolatile::text, coalesce(p.proconfig, '{}'),
  coalesce(p.prosrc, ''), coalesce(p.prosqlbody::text, ''), coalesce(p.proargnames, '{}'),
  p.proargtypes::oid[], p.prorettype,
  p.prorettype = 'pg_catalog.trigger'::regtype, p.prorettype = 'pg_catalog.event_trigger'::regtype,
  exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname, p.proname, p.oid`

const rolesSQL = `
select oid, rolname::text, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls
from pg_catalog.pg_roles order by rolname`
