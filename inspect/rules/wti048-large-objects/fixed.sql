do $$ begin perform lo_unlink(max(oid)) from pg_largeobject_metadata; end $$;
