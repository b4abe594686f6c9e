do $$ begin perform lo_create(0); execute format('alter large object %s owner to wt_app', (select max(oid) from pg_largeobject_metadata)); end $$;
