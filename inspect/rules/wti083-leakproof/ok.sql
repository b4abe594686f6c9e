create function app.same(a text, b text) returns boolean language plpgsql immutable as $$ begin return a like b; end $$;
