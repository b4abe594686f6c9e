create function app.one() returns int language sql security definer begin atomic select 1; end;
