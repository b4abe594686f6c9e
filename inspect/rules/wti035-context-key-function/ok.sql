create table app.countries (code text primary key, name text);
create function app.add_country(c text, n text) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin insert into app.countries (code, name) values (c, n); end $$;
