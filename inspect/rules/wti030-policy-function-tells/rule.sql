select distinct 'error', r.name, p.relid::regclass::text,
  format('the policies on %s give %s columns of every row, before it is known whose they are, and it %s', p.relid::regclass, r.name,
    case when f.prosrc ~* '\mraise\s+(notice|info|warning|log|debug|exception)' then 'can say what it sees' else 'can write it down' end),
  format('let the policy compare the columns itself, and call %s with nothing of the row', r.name)
from policy_call p join routine r on r.oid = p.function join pg_catalog.pg_proc f on f.oid = p.function
where p.row and f.prosrc ~* '\m(raise|notify|pg_notify|insert|update|delete|dblink)\M'
