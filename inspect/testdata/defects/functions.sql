-- defect: a definer function of a superuser
-- finds: WTI080 customer
create function app.mails() returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select email from app.customer $$;
-- exploit
select exists (select from app.mails() m where m = 'b@example.com');

-- defect: a definer function of the owner over a table that is not forced
-- finds: WTI080 customer
alter table app.customer no force row level security;
create function app.mails() returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select email from app.customer $$;
alter function app.mails() owner to wt_owner;
-- exploit
select exists (select from app.mails() m where m = 'b@example.com');

-- defect: a definer function with a standard body
-- finds: WTI080 customer
create function app.mails() returns setof text language sql stable security definer begin atomic select email from app.customer; end;
-- exploit
select exists (select from app.mails() m where m = 'b@example.com');

-- defect: a definer function of a role with BYPASSRLS
-- finds: WTI080 customer
create role wt_x nologin bypassrls;
grant usage on schema app to wt_x;
grant select on app.customer to wt_x;
create function app.mails() returns setof text language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$ begin return query select email from app.customer; end $$;
alter function app.mails() owner to wt_x;
-- exploit
select exists (select from app.mails() m where m = 'b@example.com');

-- defect: a definer function is told the tenant
-- finds: WTI080 customer
create function app.mails(p_tenant uuid) returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select email from app.customer where tenant_id = p_tenant $$;
-- exploit
select exists (select from app.mails('22222222-2222-2222-2222-222222222222'));

-- defect: a definer procedure changes all tenants
-- finds: WTI080 customer
create procedure app.reset() language sql security definer set search_path = pg_catalog, pg_temp as $$ update app.customer set secret = 'changed' $$;
-- exploit
call app.reset();
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.customer where secret = 'changed');

-- defect: a definer function reads through a view
-- finds: WTI080 customer
create view app.inner_mails as select email from app.customer;
create function app.mails() returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select email from app.inner_mails $$;
-- exploit
select exists (select from app.mails() m where m = 'b@example.com');

-- defect: a definer function runs what it is told
-- finds: WTI081
create function app.find(q text) returns setof text language plpgsql security definer set search_path = pg_catalog, pg_temp as
  $$ begin return query execute 'select email from app.customer where tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid and email = ''' || q || ''''; end $$;
-- exploit
select exists (select from app.find('x'' or ''1'' = ''1') m where m = 'b@example.com');

-- defect: a definer function formats without quoting
-- finds: WTI081
create function app.find(col text) returns setof text language plpgsql security definer set search_path = pg_catalog, pg_temp as
  $$ begin return query execute format('select %s::text from app.customer where tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid', col); end $$;
-- exploit
select exists (select from app.find('secret::text from app.customer union select secret') m where m = 'secret of B');

-- defect: a function sets the tenant for itself
-- finds: WTI082
create function app.demo() returns setof text language sql stable set app.tenant_id = '22222222-2222-2222-2222-222222222222' as $$ select email from app.customer $$;
-- exploit
select exists (select from app.demo() m where m = 'b@example.com');

-- defect: a function switches the tenant and stays there
-- finds: WTI082
create function app.count_in(t uuid) returns bigint language plpgsql as $$ begin perform set_config('app.tenant_id', t::text, true); return (select count(*) from app.customer); end $$;
-- exploit
select app.count_in('22222222-2222-2222-2222-222222222222');
select exists (select from app.customer where email = 'b@example.com');

-- defect: a function switches to a fixed tenant
-- finds: WTI082
create function app.as_demo() returns void language sql as $$ select set_config('app.tenant_id', '22222222-2222-2222-2222-222222222222', true) $$;
-- exploit
select app.as_demo();
select exists (select from app.customer where email = 'b@example.com');

-- defect: a function is marked leakproof
-- finds: WTI083
create function app.like_safe(a text, b text) returns boolean language plpgsql immutable leakproof cost 0.0000001 as
  $$ begin if a = 'secret of B' then perform set_config('test.leak', 'yes', true); end if; return a like b; end $$;
-- exploit
set local enable_indexscan = off;
set local enable_bitmapscan = off;
select count(*) from app.customer where app.like_safe(secret, '%');
select current_setting('test.leak', true) = 'yes';

-- defect: a definer trigger changes other tenants' rows
-- finds: WTI084 task
create function app.rename() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as
  $$ begin update app.project set name = 'renamed' where id <> 0; return new; end $$;
create trigger rename after insert on app.task for each row execute function app.rename();
-- exploit
insert into app.task values ('11111111-1111-1111-1111-111111111111', 9, 1, 't');
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.project where name = 'renamed');

-- defect: a definer trigger copies another tenant's value into the row
-- finds: WTI084 task
create function app.fill() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as
  $$ begin select secret into new.title from app.customer where email = new.title; return new; end $$;
create trigger fill before insert on app.task for each row execute function app.fill();
-- exploit
insert into app.task values ('11111111-1111-1111-1111-111111111111', 9, 1, 'b@example.com');
select exists (select from app.task where title = 'secret of B');

-- defect: a trigger copies rows to a table without policies
-- finds: WTI085 customer
create table app.history (at timestamptz default now(), row_data jsonb);
grant select, insert on app.history to wt_app;
create function app.keep() returns trigger language plpgsql as $$ begin insert into app.history (row_data) values (to_jsonb(old)); return new; end $$;
create trigger keep after update on app.customer for each row execute function app.keep();
-- exploit
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
update app.customer set secret = secret;
set local app.tenant_id = '11111111-1111-1111-1111-111111111111';
select exists (select from app.history where row_data ->> 'secret' = 'secret of B');

-- defect: a definer trigger keeps an audit log that everybody reads
-- finds: WTI085 customer
create table app.audit (tenant_id uuid, entry jsonb);
grant select on app.audit to wt_app;
create function app.keep() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$ begin insert into app.audit values (new.tenant_id, to_jsonb(new)); return null; end $$;
create trigger keep after insert or update on app.customer for each row execute function app.keep();
-- exploit
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
update app.customer set secret = secret;
set local app.tenant_id = '11111111-1111-1111-1111-111111111111';
select exists (select from app.audit where entry ->> 'secret' = 'secret of B');

-- defect: a trigger announces rows
-- finds: WTI085 customer
create function app.announce() returns trigger language plpgsql as $$ begin perform pg_notify('changes', row_to_json(new)::text); return null; end $$;
create trigger announce after insert or update on app.customer for each row execute function app.announce();

-- defect: an argument hides behind the column
-- finds: WTI086
create function app.mails(tenant_id uuid) returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select email from app.customer where tenant_id = tenant_id $$;
-- exploit
select exists (select from app.mails('11111111-1111-1111-1111-111111111111') m where m = 'b@example.com');

-- defect: the application can replace a trigger's function
-- finds: WTI031
create schema scratch authorization wt_app;
create function scratch.touch() returns trigger language plpgsql as $$ begin return new; end $$;
alter function scratch.touch() owner to wt_app;
create trigger touch before update on app.customer for each row execute function scratch.touch();
-- exploit
create or replace function scratch.touch() returns trigger language plpgsql as $$ begin perform set_config('test.loot', new.secret, true); return new; end $$;
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
update app.customer set secret = secret;
select current_setting('test.loot', true) = 'secret of B';

-- defect: a definer function finds a temporary table first
-- finds: WTI032
create function app.price(c text) returns int language plpgsql stable security definer as $$ begin return (select price from plan where code = c); end $$;
alter function app.price(text) owner to wt_owner;
-- exploit
create temporary table plan (code text, price int);
insert into plan values ('paid', -1);
grant select on plan to public;
select app.price('paid') = -1;

-- defect: a definer function looks into a schema of the app
-- finds: WTI032
create schema scratch authorization wt_app;
create function app.shout(t text) returns text language plpgsql stable security definer set search_path = scratch, pg_catalog as $$ begin return upper(t); end $$;
-- exploit
create function scratch.upper(text) returns text language sql as $$ select secret from app.customer where email = 'b@example.com' $$;
select app.shout('x') = 'secret of B';

-- defect: a key is a setting of the database
-- finds: WTI088
do $$ begin execute format('alter database %I set app.context_secret = %L', current_database(), 'correct horse battery staple'); end $$;
-- exploit
select exists (select from pg_db_role_setting where setconfig::text like '%correct horse%');

-- defect: a key stands in a function
-- finds: WTI088
create extension pgcrypto schema public;
create function app.sign(t text) returns bytea language sql immutable as $$ select public.hmac(t, 'correct-horse-battery-staple', 'sha256') $$;
-- exploit
select prosrc like '%correct-horse%' from pg_proc where proname = 'sign' and pronamespace = 'app'::regnamespace;

-- defect: a key stands in a policy
-- finds: WTI088 customer
alter policy tenant_isolation on app.customer using (tenant_id = app.tenant() and encode(sha256(convert_to(current_setting('app.tenant_id') || 'correct horse battery staple', 'UTF8')), 'hex') = current_setting('app.proof', true));
-- exploit
select exists (select from pg_policies where qual like '%correct horse%');

-- defect: dblink may be used
-- finds: WTI092 dblink
create extension dblink schema app;
-- exploit
select has_function_privilege('app.dblink(text, text)', 'execute');

-- defect: row locks of all tenants can be seen
-- finds: WTI092 pgrowlocks
create extension pgrowlocks schema app;
-- exploit
select count(*) >= 0 from app.pgrowlocks('app.customer');

-- defect: keys of changed rows are announced
-- finds: WTI085 customer
create extension tcn schema public;
create trigger announce after insert or update on app.customer for each row execute function public.triggered_change_notification();

-- defect: a foreign server may be used
-- finds: WTI093 loop
create extension postgres_fdw schema public;
create server loop foreign data wrapper postgres_fdw options (host 'localhost');
grant usage on foreign server loop to wt_app;
-- exploit
create user mapping for wt_app server loop options (user 'postgres', password 'x');
select true;

-- defect: the application owns an event trigger's function
-- finds: WTI097
create schema scratch authorization wt_app;
create function scratch.guard() returns event_trigger language plpgsql as $$ begin end $$;
alter function scratch.guard() owner to wt_app;
create event trigger guard on ddl_command_end execute function scratch.guard();
-- exploit
create or replace function scratch.guard() returns event_trigger language plpgsql as $$ begin raise notice 'as %', current_user; end $$;
select true;

-- defect: a definer function filters by OR
-- finds: WTI080 customer
create function app.mails() returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as
  $$ select email from app.customer where tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid or email like 'b%' $$;
-- exploit
select exists (select from app.mails() m where m = 'b@example.com');

-- defect: a definer function filters one of two tables
-- finds: WTI080 project
create function app.titles() returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as
  $$ select t.title from app.project p join app.task t on true where p.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid $$;
-- exploit
select exists (select from app.titles() t where t = 'B1');

-- defect: a trigger instead of a view's insert writes everywhere
-- finds: WTI084 entry
create view app.entry with (security_invoker = true) as select id, title from app.task;
create function app.entry() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as
  $$ begin update app.task set title = new.title where id = new.id; return new; end $$;
create trigger entry instead of insert on app.entry for each row execute function app.entry();
grant select, insert on app.entry to wt_app;
-- exploit
insert into app.entry values (2, 'planted');
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.task where title = 'planted');

-- defect: a trigger announces a column
-- finds: WTI085 customer
create function app.announce() returns trigger language plpgsql as $$ begin perform pg_notify('mail', new.email); return null; end $$;
create trigger announce after insert or update on app.customer for each row execute function app.announce();

-- defect: a column names large objects
-- finds: WTI048 upload
create table app.upload (tenant_id uuid not null, id int, content oid, primary key (tenant_id, id));
alter table app.upload enable row level security, force row level security;
create policy p on app.upload using (tenant_id = app.tenant());
grant select, insert on app.upload to wt_app;
-- exploit
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
insert into app.upload values ('22222222-2222-2222-2222-222222222222', 1, lo_from_bytea(4711, 'secret of B'));
set local app.tenant_id = '11111111-1111-1111-1111-111111111111';
select convert_from(lo_get(4711), 'UTF8') = 'secret of B';
