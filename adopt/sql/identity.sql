-- Tables whose replica identity is an index.
select i.indrelid, i.indexrelid from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indrelid and c.relreplident = 'i'
where i.indisreplident
