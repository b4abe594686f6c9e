select distinct 'error', g.tgname::text || ' on ' || t.name, t.name,
  format('the trigger %I on %s writes into %s, where %s reads the rows of all tenants', g.tgname, t.name, m.relid::regclass, v.role_name),
  format('alter table %s enable row level security, force row level security; create policy … on %1$s using (…)', m.relid::regclass)
from written t join pg_catalog.pg_trigger g on g.tgrelid = t.relid and not g.tgisinternal and g.tgenabled <> 'D'
join mention m on m.function = g.tgfoid and m.writes and m.relid <> t.relid
join verdict v on v.relid = m.relid and v.command = 'SELECT' and v.allowed and v.level in ('open', 'loose')
where not exists (select from tenant_table d where d.relid = m.relid and d.directory)
union all
-- what a view or copy of that table would show is found by the rules about those
select distinct 'error', g.tgname::text || ' on ' || t.name, t.name,
  format('the trigger %I on %s announces columns of the row: every session of the database can LISTEN', g.tgname, t.name),
  'let the payload be an opaque id, or none'
from written t join pg_catalog.pg_trigger g on g.tgrelid = t.relid and not g.tgisinternal and g.tgenabled <> 'D' join pg_catalog.pg_proc p on p.oid = g.tgfoid
cross join lateral (select p.prosrc ~* '(row_to_json|to_jsonb?|hstore)\s*\([^;]*\m(new|old)\M|\m(new|old)\s*(::|\))' or exists (
  select from regexp_matches(p.prosrc, '(?:pg_notify|notify)\s*\(?[^;]*', 'gi') s(part), regexp_matches(s.part[1], '\m(?:new|old)\.("?\w+)', 'gi') c(name)
  where c.name[1] !~* '^"?(id|uuid|.*_id|.*_uuid)$') as tells) n
where p.prosrc ~* '\m(pg_notify|notify)\M' and n.tells
   or p.proname = 'triggered_change_notification'
union all
select distinct 'warning', g.tgname::text || ' on ' || t.name, t.name,
  format('the trigger %I on %s sends notifications, which every session of the database can LISTEN to', g.tgname, t.name),
  'let the payload be an opaque id, or none'
from written t join pg_catalog.pg_trigger g on g.tgrelid = t.relid and not g.tgisinternal and g.tgenabled <> 'D' join pg_catalog.pg_proc p on p.oid = g.tgfoid
cross join lateral (select p.prosrc ~* '(row_to_json|to_jsonb?|hstore)\s*\([^;]*\m(new|old)\M|\m(new|old)\s*(::|\))' or exists (
  select from regexp_matches(p.prosrc, '(?:pg_notify|notify)\s*\(?[^;]*', 'gi') s(part), regexp_matches(s.part[1], '\m(?:new|old)\.("?\w+)', 'gi') c(name)
  where c.name[1] !~* '^"?(id|uuid|.*_id|.*_uuid)$') as tells) n
where p.prosrc ~* '\m(pg_notify|notify)\M' and not n.tells
  and not exists (select from routine r where r.oid = p.oid and r.vouched)
