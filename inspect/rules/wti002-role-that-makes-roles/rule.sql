select case when g.version < 160000 then 'error' else 'warning' end, i.name, '',
  format('%s has %s%s', i.name, concat_ws(' and ', case when r.rolcreaterole then 'CREATEROLE' end, case when r.rolcreatedb then 'CREATEDB' end),
    case when not r.rolcreaterole then ', which an application does not need'
      when g.version < 160000 then ': it can grant itself every role that is no superuser, the owner of the tables included'
      else ': it can make roles and grant itself those' end),
  format('alter role %I nocreaterole nocreatedb', i.name)
from identity i join pg_catalog.pg_roles r on r.oid = i.oid cross join config g
where r.rolcreaterole and not r.rolsuper
union all
select 'warning', i.name, '', format('%s has CREATEDB, which an application does not need', i.name), format('alter role %I nocreatedb', i.name)
from identity i join pg_catalog.pg_roles r on r.oid = i.oid
where r.rolcreatedb and not r.rolcreaterole and not r.rolsuper
