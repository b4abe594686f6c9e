select 'warning', r.name, '',
  format('%s sets %s by set_config, which Citus does not carry to its workers', r.name, r.sets),
  format('use in %s: execute format(''set local %s = %%L'', …), called after an explicit begin', r.name, r.sets)
from routine r join pg_catalog.pg_proc p on p.oid = r.oid cross join config c
where c.citus and r.sets <> '' and r.caller is not null and p.prosrc ~* 'set_config\s*\('
