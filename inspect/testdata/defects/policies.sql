-- defect: a policy is true
-- finds: WTI020 customer
create policy lookup on app.customer for select using (true);
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: public rows pass
-- finds: WTI020 customer
alter table app.customer add public boolean not null default true;
alter policy tenant_isolation on app.customer using (tenant_id = (select app.tenant()) or public);
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a second permissive policy on another column
-- finds: WTI020 customer
create policy by_mail on app.customer for select using (email like '%@example.com');
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a second permissive policy on the person
-- finds: WTI020 customer
create policy own_mail on app.customer for select using (email = current_setting('app.email', true));
-- exploit
set local app.email = 'b@example.com';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: inserts are not checked
-- finds: WTI020 customer
create policy ins on app.customer for insert with check (true);
-- exploit
insert into app.customer values ('22222222-2222-2222-2222-222222222222', 99, 'planted@example.com', 'planted');
select true;

-- defect: the check is wider than the condition
-- finds: WTI020 customer
alter policy tenant_isolation on app.customer with check (tenant_id is not null);
-- exploit
insert into app.customer values ('22222222-2222-2222-2222-222222222222', 99, 'planted@example.com', 'planted');
select true;

-- defect: updates may take rows over
-- finds: WTI020 customer
create policy upd on app.customer for update using (true) with check (tenant_id = (select app.tenant()));
grant update (tenant_id, secret) on app.customer to wt_app;
-- exploit
update app.customer set tenant_id = '11111111-1111-1111-1111-111111111111';
select exists (select from app.customer where secret = 'secret of B');

-- defect: updates may give rows away
-- finds: WTI020 customer
create policy upd on app.customer for update using (tenant_id = (select app.tenant())) with check (true);
grant update (tenant_id) on app.customer to wt_app;
-- exploit
update app.customer set tenant_id = '22222222-2222-2222-2222-222222222222';
select not exists (select from app.customer);

-- defect: deletes are not limited
-- finds: WTI020 task
create policy del on app.task for delete using (true);
-- exploit
do $$ declare n int; begin
  delete from app.task;
  get diagnostics n = row_count;
  perform set_config('test.leak', (n > 1)::text, true);
end $$;
select current_setting('test.leak') = 'true';

-- defect: without a tenant all rows pass (coalesce)
-- finds: WTI021 customer
alter policy tenant_isolation on app.customer using (tenant_id = coalesce(app.tenant(), tenant_id));
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: without a tenant all rows pass (IS NULL)
-- finds: WTI021 customer
alter policy tenant_isolation on app.customer using (app.tenant() is null or tenant_id = app.tenant());
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: without a tenant all rows pass (the empty string)
-- finds: WTI021 customer
alter policy tenant_isolation on app.customer using (current_setting('app.tenant_id', true) = '' or tenant_id::text = current_setting('app.tenant_id', true));
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: without a tenant all rows pass (CASE)
-- finds: WTI021 customer
alter policy tenant_isolation on app.customer using (case when current_setting('app.tenant_id', true) = '' then true else tenant_id = app.tenant() end);
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: without a tenant all rows pass (IS NOT FALSE)
-- finds: WTI021 customer
alter policy tenant_isolation on app.customer using ((tenant_id = app.tenant()) is not false);
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a null comparison passes (coalesce true)
-- finds: WTI020 customer
alter policy tenant_isolation on app.customer using (coalesce(tenant_id = app.tenant(), true));
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: without a tenant there is a default one
-- finds: WTI021 customer
alter policy tenant_isolation on app.customer using (tenant_id = coalesce(nullif(current_setting('app.tenant_id', true), ''), '22222222-2222-2222-2222-222222222222')::uuid);
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the context function has a default tenant
-- finds: WTI021 customer
create function app.current_tenant() returns uuid language sql stable as $$ select coalesce(nullif(current_setting('app.tenant_id', true), ''), '22222222-2222-2222-2222-222222222222')::uuid $$;
alter policy tenant_isolation on app.customer using (tenant_id = app.current_tenant());
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a switch opens everything
-- finds: WTI021 customer
alter policy tenant_isolation on app.customer using (tenant_id = app.tenant() or current_setting('app.is_admin', true) = 'on');
-- exploit
set local app.is_admin = 'on';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a switch in a function opens everything
-- finds: WTI021 customer
create function app.is_admin() returns boolean language sql stable as $$ select coalesce(current_setting('app.role', true), '') = 'admin' $$;
alter policy tenant_isolation on app.customer using (tenant_id = app.tenant() or app.is_admin());
-- exploit
set local app.role = 'admin';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: keys are compared without case
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values ('acme', 'A'), ('ACME', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (lower(tenant_id) = lower(current_setting('app.tenant_id', true)));
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = 'acme';
select exists (select from app.note where body = 'B');

-- defect: keys are compared by LIKE
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values ('acme', 'A'), ('other', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id like current_setting('app.tenant_id', true));
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = '%';
select exists (select from app.note where body = 'B');

-- defect: keys are compared by their beginning
-- finds: WTI022 customer
alter policy tenant_isolation on app.customer using (left(tenant_id::text, 0) = left(current_setting('app.tenant_id', true), 0));
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: keys are compared by starts_with
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values ('acme', 'A'), ('acme-2', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (starts_with(tenant_id, current_setting('app.tenant_id', true)));
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = 'acme';
select exists (select from app.note where body = 'B');

-- defect: keys are compared by a regular expression
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values ('acme', 'A'), ('acme-2', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id ~ current_setting('app.tenant_id', true));
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = 'acme';
select exists (select from app.note where body = 'B');

-- defect: text keys are compared as numbers
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values ('1', 'A'), ('01', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id::int = current_setting('app.tenant_id', true)::int);
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = '1';
select exists (select from app.note where body = 'B');

-- defect: keys are compared as names
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values (repeat('x', 63) || 'a', 'A'), (repeat('x', 63) || 'b', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id::name = current_setting('app.tenant_id', true)::name);
grant select on app.note to wt_app;
-- exploit
select set_config('app.tenant_id', repeat('x', 63) || 'a', true);
select exists (select from app.note where body = 'B');

-- defect: keys are cut off before they are compared
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values ('acme-1', 'A'), ('acme-2', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id::varchar(4) = current_setting('app.tenant_id', true)::varchar(4));
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = 'acme-1';
select exists (select from app.note where body = 'B');

-- defect: keys are rounded before they are compared
-- finds: WTI022 note
create table app.note (tenant_id numeric not null, body text);
insert into app.note values (1.1, 'A'), (0.9, 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id::int = current_setting('app.tenant_id', true)::numeric::int);
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = '1.1';
select exists (select from app.note where body = 'B');

-- defect: the collation takes keys for the same
-- finds: WTI022 note
create collation app.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table app.note (tenant_id text collate app.ci not null, body text);
insert into app.note values ('acme', 'A'), ('ACME', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id = current_setting('app.tenant_id', true));
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = 'acme';
select exists (select from app.note where body = 'B');

-- defect: citext takes keys for the same
-- finds: WTI022 note
create extension citext schema public;
create table app.note (tenant_id public.citext not null, body text);
insert into app.note values ('acme', 'A'), ('ACME', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id operator(public.=) current_setting('app.tenant_id', true)::public.citext);
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = 'acme';
select exists (select from app.note where body = 'B');

-- defect: the key is looked for in a list that is split
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values ('a,b', 'A'), ('b', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id = any (string_to_array(current_setting('app.tenant_id', true), ',')));
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = 'a,b';
select exists (select from app.note where body = 'B');

-- defect: keys are compared by order
-- finds: WTI022 customer
alter policy tenant_isolation on app.customer using (tenant_id >= app.tenant());
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: keys are compared by a hash of them
-- finds: WTI022 customer
alter policy tenant_isolation on app.customer using (hashtext(tenant_id::text) % 1 = hashtext(current_setting('app.tenant_id', true)) % 1);
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: everyone's but one's own
-- finds: WTI020 customer
alter policy tenant_isolation on app.customer using (tenant_id <> app.tenant());
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: rows without a tenant can be planted
-- finds: WTI023 template
create table app.template (tenant_id uuid, body text);
alter table app.template enable row level security, force row level security;
create policy p on app.template using (tenant_id is null or tenant_id = app.tenant());
grant select, insert on app.template to wt_app;
-- exploit
insert into app.template values (null, 'planted');
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.template where body = 'planted');

-- defect: without a context, rows without a tenant pass
-- finds: WTI023 template
create table app.template (tenant_id uuid, body text);
insert into app.template values (null, 'orphan');
alter table app.template enable row level security, force row level security;
create policy p on app.template using (tenant_id is not distinct from app.tenant());
grant select on app.template to wt_app;
-- exploit
set local app.tenant_id = '';
select exists (select from app.template);

-- defect: a name is captured in a sub-select
-- finds: WTI020 customer
alter policy tenant_isolation on app.customer using (exists (select from app.member m where m.tenant_id = tenant_id));
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the column is compared with itself
-- finds: WTI020 customer
alter policy tenant_isolation on app.customer using (tenant_id = customer.tenant_id);
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a sub-select asks nobody who is there
-- finds: WTI020 customer
create table app.grp (tenant_id uuid not null, name text);
insert into app.grp select id, name from app.tenants;
grant select on app.grp to wt_app;
alter policy tenant_isolation on app.customer using (tenant_id in (select g.tenant_id from app.grp g));
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a sub-select is not about the row
-- finds: WTI020 customer
alter policy tenant_isolation on app.customer using (exists (select from app.member where usr = current_setting('app.usr', true)));
-- exploit
set local app.usr = 'alice';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: memberships can be inserted
-- finds: WTI026 membership
create table app.membership (tenant_id uuid not null, usr text not null);
insert into app.membership values ('11111111-1111-1111-1111-111111111111', 'alice');
alter table app.membership enable row level security, force row level security;
create policy own on app.membership using (usr = current_setting('app.usr', true));
grant select, insert on app.membership to wt_app;
alter policy tenant_isolation on app.customer using (tenant_id in (select m.tenant_id from app.membership m where m.usr = current_setting('app.usr', true)));
-- exploit
set local app.usr = 'alice';
insert into app.membership values ('22222222-2222-2222-2222-222222222222', 'alice');
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the user's own tenant can be changed
-- finds: WTI026 account
create table app.account (usr text primary key, tenant_id uuid not null, display text);
insert into app.account values ('alice', '11111111-1111-1111-1111-111111111111');
alter table app.account enable row level security, force row level security;
create policy own on app.account using (usr = current_setting('app.usr', true));
grant select, update on app.account to wt_app;
alter policy tenant_isolation on app.customer using (tenant_id = (select a.tenant_id from app.account a where a.usr = current_setting('app.usr', true)));
-- exploit
set local app.usr = 'alice';
update app.account set tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: sessions that the context comes from can be made
-- finds: WTI026 login
create table app.login (token text primary key, tenant_id uuid not null);
grant select, insert on app.login to wt_app;
create function app.logged_in() returns uuid language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select tenant_id from app.login where token = current_setting('app.token', true) $$;
alter policy tenant_isolation on app.customer using (tenant_id = app.logged_in());
-- exploit
insert into app.login values ('mine', '22222222-2222-2222-2222-222222222222');
set local app.token = 'mine';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a membership can be inserted that a function reads
-- finds: WTI026 membership
create table app.membership (tenant_id uuid not null, usr text not null);
grant select, insert on app.membership to wt_app;
create function app.is_member(t uuid) returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp as
  $$ select exists (select from app.membership m where m.tenant_id = t and m.usr = current_setting('app.usr', true)) $$;
alter policy tenant_isolation on app.customer using (app.is_member(tenant_id));
-- exploit
set local app.usr = 'alice';
insert into app.membership values ('22222222-2222-2222-2222-222222222222', 'alice');
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a policy reads another setting
-- finds: WTI027 customer
alter policy tenant_isolation on app.customer using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
-- exploit
set local app.current_tenant = '22222222-2222-2222-2222-222222222222';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a policy reads the name of the application
-- finds: WTI028 customer
alter policy tenant_isolation on app.customer using (tenant_id::text = current_setting('application_name'));
-- exploit
set local application_name = '22222222-2222-2222-2222-222222222222';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the context function says that it never changes
-- finds: WTI029
create function app.current_tenant() returns uuid language sql immutable as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;
grant execute on function app.current_tenant() to wt_app;
alter policy tenant_isolation on app.customer using (tenant_id = app.current_tenant());
-- exploit
set local plan_cache_mode = force_generic_plan;
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
prepare cached as select coalesce(bool_or(tenant_id = '22222222-2222-2222-2222-222222222222'), false) from app.customer;
execute cached;
set local app.tenant_id = '11111111-1111-1111-1111-111111111111';
execute cached;

-- defect: a function in the policy tells what it is given
-- finds: WTI030 customer
create table app.seen (s text);
grant select on app.seen to wt_app;
create function app.check_row(t uuid, s text) returns boolean language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as
  $$ begin insert into app.seen values (s); return t = nullif(current_setting('app.tenant_id', true), '')::uuid; end $$;
alter policy tenant_isolation on app.customer using (app.check_row(tenant_id, secret));
-- exploit
select count(*) from app.customer;
select exists (select from app.seen where s = 'secret of B');

-- defect: a function in the policy is true for everybody
-- finds: WTI020 customer
create function app.may_see(t uuid) returns boolean language sql stable as $$ select t is not null $$;
alter policy tenant_isolation on app.customer using (app.may_see(tenant_id));
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the context function belongs to the app
-- finds: WTI031
alter function app.tenant() owner to wt_app;
-- exploit
alter function app.tenant() immutable;
set local plan_cache_mode = force_generic_plan;
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
prepare cached as select coalesce(bool_or(tenant_id = '22222222-2222-2222-2222-222222222222'), false) from app.customer;
execute cached;
set local app.tenant_id = '11111111-1111-1111-1111-111111111111';
execute cached;

-- defect: the context function finds its names where the app says
-- finds: WTI032
create schema scratch;
grant usage, create on schema scratch to wt_app;
create function app.current_tenant() returns uuid language plpgsql stable as $$ begin return nullif(current_setting('app.tenant_id', true), '')::uuid; end $$;
alter policy tenant_isolation on app.customer using (tenant_id = app.current_tenant());
-- exploit
create function scratch.current_setting(text, boolean) returns text language sql as $$ select '22222222-2222-2222-2222-222222222222' $$;
set local search_path = scratch, pg_catalog;
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the restrictive policy is for others
-- finds: WTI020 customer
create role wt_group nologin;
drop policy tenant_isolation on app.customer;
create policy limited on app.customer as restrictive to wt_group using (tenant_id = app.tenant());
create policy everything on app.customer using (true);
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a policy names one tenant
-- finds: WTI020 customer
create policy demo on app.customer for select using (tenant_id = '22222222-2222-2222-2222-222222222222');
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the tenant is compared with a value of no context
-- finds: WTI020 customer
create function app.first_tenant() returns uuid language sql stable as $$ select '22222222-2222-2222-2222-222222222222'::uuid $$;
alter policy tenant_isolation on app.customer using (tenant_id = app.first_tenant());
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a condition for the person stands beside the tenant's
-- finds: WTI020 task
alter table app.task add assignee text default 'alice';
alter policy tenant_isolation on app.task using (tenant_id = app.tenant() or assignee = current_setting('app.usr', true));
-- exploit
set local app.usr = 'alice';
select exists (select from app.task where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a parent is looked up that nothing protects
-- finds: WTI020 task
create table app.open_project (id int primary key, tenant_id uuid);
insert into app.open_project select id, tenant_id from app.project;
grant select on app.open_project to wt_app;
alter policy tenant_isolation on app.task using (exists (select from app.open_project p where p.id = project_id));
-- exploit
select exists (select from app.task where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a list of tenants has a fixed one in it
-- finds: WTI020 customer
alter policy tenant_isolation on app.customer using (tenant_id in (app.tenant(), '22222222-2222-2222-2222-222222222222'));
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a shared tenant can be written
-- finds: WTI023 note
create table app.note (tenant_id text not null, body text);
alter table app.note enable row level security, force row level security;
create policy p on app.note using (tenant_id = current_setting('app.tenant_id', true) or tenant_id = 'shared');
grant select, insert on app.note to wt_app;
-- exploit
insert into app.note values ('shared', 'planted');
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.note where body = 'planted');

-- defect: all of nothing
-- finds: WTI020 customer
create table app.allowed (tenant_id uuid);
grant select on app.allowed to wt_app;
alter policy tenant_isolation on app.customer using (tenant_id = all (select a.tenant_id from app.allowed a));
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: without a tenant the first one is taken
-- finds: WTI021 customer
grant select on app.project to wt_app;
create function app.any_tenant() returns uuid language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select id from app.tenants order by name desc limit 1 $$;
alter policy tenant_isolation on app.customer using (tenant_id = coalesce(app.tenant(), app.any_tenant()));
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: the context function has a default in a branch
-- finds: WTI021 customer
create function app.current_tenant() returns uuid language plpgsql stable as $$ begin
  if coalesce(current_setting('app.tenant_id', true), '') = '' then return '22222222-2222-2222-2222-222222222222'; end if;
  return current_setting('app.tenant_id')::uuid;
end $$;
alter policy tenant_isolation on app.customer using (tenant_id = app.current_tenant());
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: another column is compared with the tenant
-- finds: WTI020 customer
alter table app.customer add shared_with uuid default '11111111-1111-1111-1111-111111111111';
alter policy tenant_isolation on app.customer using (shared_with = app.tenant());
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: one tenant's role can become another's
-- finds: WTI020 ticket
create role wt_other_tenant nologin;
create table app.ticket (tenant_id text not null, body text);
insert into app.ticket values ('wt_app', 'A'), ('wt_other_tenant', 'B');
alter table app.ticket enable row level security, force row level security;
create policy p on app.ticket using (tenant_id = current_user);
grant usage on schema app to wt_other_tenant;
grant select on app.ticket to wt_app, wt_other_tenant;
alter role wt_app noinherit;
grant wt_other_tenant to wt_app;
-- exploit
set local role wt_other_tenant;
select exists (select from app.ticket where body = 'B');

-- defect: a wider policy shows the list of tenants
-- finds: WTI015 tenants
create policy names on app.tenants for select using (name is not null);
-- exploit
select exists (select from app.tenants where name = 'B');

-- defect: keys are looked for in a text
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values ('acme-2', 'A'), ('acme', 'B');
alter table app.note enable row level security, force row level security;
create policy p on app.note using (position(tenant_id in current_setting('app.tenant_id', true)) > 0);
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = 'acme-2';
select exists (select from app.note where body = 'B');

-- defect: a function in the policy is true without a tenant
-- finds: WTI021 customer
create function app.may_see(t uuid) returns boolean language sql stable as $$ select app.tenant() is null or t = app.tenant() $$;
alter policy tenant_isolation on app.customer using (app.may_see(tenant_id));
-- exploit
set local app.tenant_id = '';
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a function in the policy compares without case
-- finds: WTI022 note
create table app.note (tenant_id text not null, body text);
insert into app.note values ('acme', 'A'), ('ACME', 'B');
create function app.same(t text) returns boolean language sql stable as $$ select lower(t) = lower(current_setting('app.tenant_id', true)) $$;
alter table app.note enable row level security, force row level security;
create policy p on app.note using (app.same(tenant_id));
grant select on app.note to wt_app;
-- exploit
set local app.tenant_id = 'acme';
select exists (select from app.note where body = 'B');

-- defect: a function with a standard body is wider than the tenant
-- finds: WTI020 customer
create function app.may_see(t uuid, mail text) returns boolean language sql stable return t = app.tenant() or mail like 'b%';
grant execute on function app.may_see(uuid, text) to wt_app;
alter policy tenant_isolation on app.customer using (app.may_see(tenant_id, email));
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');
