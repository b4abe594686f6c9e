select 'error', r.name, '', format('%s runs with %s: whoever calls it is in that tenant, or past the policies', r.name, g.setting),
  format('alter function %s reset %s', r.name, split_part(g.setting, '=', 1))
from routine r join pg_catalog.pg_proc p on p.oid = r.oid cross join lateral unnest(p.proconfig) g(setting) cross join config c
where r.caller is not null and (split_part(g.setting, '=', 1) = any (c.canon) and substr(g.setting, strpos(g.setting, '=') + 1) not in ('', '""')
  or split_part(g.setting, '=', 1) in ('role', 'session_authorization') or g.setting in ('session_replication_role=replica')
  or split_part(g.setting, '=', 1) = 'row_security' and substr(g.setting, strpos(g.setting, '=') + 1) = 'off' and p.prosecdef and r.power <> '')
union all
select 'error', r.name, coalesce(r."after", ''),
  format('%s sets %s%s%s', r.name, r.sets, case when r.sets_to <> '' then format(' to %L', r.sets_to) else '' end,
    case when r."after" <> '' then format(' and then uses %s: the caller stays in that tenant until the transaction ends', r."after") else ': whoever calls it is in that tenant until the transaction ends' end),
  format('drop function %s; enter the tenant once, at the beginning of the transaction', r.name)
from routine r where r.sets <> '' and r.caller is not null and (r.sets_to <> '' or r."after" <> '')
union all
select 'warning', r.name, '',
  format('%s sets %s for the whole session: the next request on a pooled connection is in the same tenant', r.name, r.sets),
  'pass true as the last argument of set_config, so that the setting ends with the transaction'
from routine r where r.sets <> '' and r.session
