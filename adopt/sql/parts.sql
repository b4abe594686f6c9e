-- Indexes of partitions, and the index of the partitioned table that each is a part of.
select i.inhrelid, i.inhparent from pg_catalog.pg_inherits i
join pg_catalog.pg_class c on c.oid = i.inhrelid and c.relkind in ('i', 'I')
