-- Pages of large objects that hold one of the needles.
select count(*) from pg_catalog.pg_largeobject o
where exists (select from unnest($1::text[]) n where position(n in lower(encode(o.data, 'escape'))) > 0)
