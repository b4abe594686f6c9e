-- Until when backups hold the tenant; transactions and copies that nobody sees.
select
  (select max(backups_until) from watertight.erasure where tenant = $1 and state in ('running', 'done')),
  (select count(*) from pg_catalog.pg_prepared_xacts where database = pg_catalog.current_database()),
  (select count(*) from pg_catalog.pg_replication_slots)
