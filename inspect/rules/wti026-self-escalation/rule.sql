select 'error', l.lookup::regclass::text, l.relid::regclass::text,
  format('the policies on %s read %s, and %s can %s there (%s)%s: a tenant lets itself into another',
    l.relid::regclass, l.lookup::regclass, l.role_name,
    string_agg(distinct case l.command when 'INSERT' then 'insert' else 'update' end, ' and '), string_agg(distinct l.col, ', '),
    case when max(l.reason) <> '' then ': ' || max(l.reason) else '' end),
  format('revoke insert, update on %s from public, %I', l.lookup::regclass, l.role_name)
from lookup l
where l.level not in ('closed', 'pinned')
  -- An update must find the row as well as leave it.
  and (l.command = 'INSERT' or l.command = 'UPDATE CHECK' and not exists (
    select from lookup u where u.relid = l.relid and u.lookup = l.lookup and u.role = l.role and u.command = 'UPDATE' and u.level = 'closed'))
group by l.relid, l.lookup, l.role_name
