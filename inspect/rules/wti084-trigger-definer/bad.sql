create table app.stat (tenant_id uuid not null, title text, n int, primary key (tenant_id, title));
alter table app.stat enable row level security;
create policy tenant on app.stat using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
create function app.bump() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as
  $$ begin update app.stat set n = n + 1 where title = new.title; return new; end $$;
create trigger bump before insert on app.doc for each row execute function app.bump();
