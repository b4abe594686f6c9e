select 'warning', s.slot_name::text, '', format('the slot %I of plugin %s streams the changes of all tables', s.slot_name, s.plugin), format('select pg_drop_replication_slot(%L)', s.slot_name)
from pg_catalog.pg_replication_slots s where s.slot_type = 'logical' and s.database = pg_catalog.current_database()
union all
select 'warning', s.subname::text, '', format('the subscription %I writes rows into this database as its owner; check the publisher too', s.subname), format('drop subscription %I', s.subname)
from pg_catalog.pg_subscription s where s.subdbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
