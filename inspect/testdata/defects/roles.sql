-- defect: the app has BYPASSRLS
-- finds: WTI001
alter role wt_app bypassrls;
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app is a superuser
-- finds: WTI001
alter role wt_app superuser;
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app can SET ROLE to a role with BYPASSRLS
-- finds: WTI001
create role wt_x nologin bypassrls;
grant usage on schema app to wt_x;
grant select on app.customer to wt_x;
grant wt_x to wt_app;
-- exploit
set local role wt_x;
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app is a member of a member of a superuser
-- finds: WTI001
create role wt_x superuser;
create role wt_y nologin in role wt_x;
alter role wt_app noinherit;
grant wt_y to wt_app;
-- exploit
set local role wt_x;
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app inherits from the owner
-- finds: WTI004 customer
grant wt_owner to wt_app;
-- exploit
alter table app.customer disable row level security;
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app can become the owner at two removes, without inheriting
-- finds: WTI004 customer
create role wt_x nologin noinherit;
alter role wt_app noinherit;
grant wt_owner to wt_x;
grant wt_x to wt_app;
-- exploit
set local role wt_owner;
alter table app.customer no force row level security;
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app owns a table that is not forced
-- finds: WTI004 customer
alter table app.customer owner to wt_app;
alter table app.customer no force row level security;
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app owns a table that is forced
-- finds: WTI004 customer
alter table app.customer owner to wt_app;
-- exploit
drop policy tenant_isolation on app.customer;
create policy mine on app.customer using (true);
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app can make roles
-- finds: WTI002
-- until: 15
alter role wt_app createrole;
-- exploit
grant wt_owner to wt_app;
set local role wt_owner;
alter table app.customer no force row level security;
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app may replicate
-- finds: WTI003
alter role wt_app replication;

-- defect: the app reads files of the server
-- finds: WTI005
grant pg_read_server_files to wt_app;
-- exploit
create temporary table page (t text);
copy page from '/etc/hostname';
select exists (select from page);

-- defect: the app runs programs on the server
-- finds: WTI005
grant pg_execute_server_program to wt_app;
-- exploit
copy (select 1) to program 'cat > /dev/null';
select true;

-- defect: the app watches other sessions
-- finds: WTI005
grant pg_monitor to wt_app;
-- exploit
select exists (select from pg_ls_waldir());

-- defect: the app ends other sessions
-- finds: WTI005
grant pg_signal_backend to wt_app;

-- defect: the app may create in the database
-- finds: WTI006
do $$ begin execute format('grant create on database %I to wt_app', current_database()); end $$;
-- exploit
create schema evil;
select true;

-- defect: the app owns the database
-- finds: WTI006
do $$ begin execute format('alter database %I owner to wt_app', current_database()); end $$;
-- exploit
do $$ begin execute format('alter database %I set search_path = evil', current_database()); end $$;
select true;

-- defect: the app may create in the schema
-- finds: WTI007
grant create on schema app to wt_app;
-- exploit
create table app.loot (t text);
select true;

-- defect: everybody may create in public
-- finds: WTI007
grant usage, create on schema public to public;
-- exploit
create function public.lower(text) returns text language sql as $$ select 'evil' $$;
select true;

-- defect: the app owns a schema
-- finds: WTI007
create schema scratch authorization wt_app;
-- exploit
create table scratch.loot (t text);
select true;

-- defect: the role defaults to a tenant
-- finds: WTI008
alter role wt_app set app.tenant_id = '22222222-2222-2222-2222-222222222222';

-- defect: the database defaults to a tenant
-- finds: WTI008
do $$ begin execute format('alter database %I set app.tenant_id = %L', current_database(), '22222222-2222-2222-2222-222222222222'); end $$;

-- defect: the role defaults to no foreign keys
-- finds: WTI008
alter role wt_app set session_replication_role = 'replica';

-- defect: the app may switch foreign keys off
-- finds: WTI009
grant set on parameter session_replication_role to wt_app;
-- exploit
set local session_replication_role = replica;
insert into app.task values ('11111111-1111-1111-1111-111111111111', 9, 999, 'no such project');
select true;

-- defect: the app is granted the rights of a role with policies of its own
-- finds: WTI020 customer
create role wt_support nologin;
create policy support on app.customer for select to wt_support using (true);
grant wt_support to wt_app;
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the app can become a role with policies of its own
-- finds: WTI020 customer
create role wt_support nologin;
grant usage on schema app to wt_support;
grant select on app.customer to wt_support;
create policy support on app.customer for select to wt_support using (true);
alter role wt_app noinherit;
grant wt_support to wt_app;
-- exploit
set local role wt_support;
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');
