create table app.history (tenant_id uuid not null, row_data text);
alter table app.history enable row level security;
create policy tenant on app.history using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on app.history to wt_app;
create function app.keep() returns trigger language plpgsql as $$ begin insert into app.history values (new.tenant_id, new.secret); return new; end $$;
create trigger keep after insert on app.doc for each row execute function app.keep();
