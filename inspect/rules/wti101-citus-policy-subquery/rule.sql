select 'warning', p.polname::text, t.name,
  format('the policy %I on %s has a subquery: Citus refuses to distribute the table, and to join it with distributed ones while it is local', p.polname, t.name),
  format('alter policy %I on %s using (…) with the function called without (select …)', p.polname, t.name)
from tenant_table t join pg_catalog.pg_policy p on p.polrelid = t.relid cross join config c
where c.citus and (p.polqual::text like '%{SUBLINK%' or p.polwithcheck::text like '%{SUBLINK%')
