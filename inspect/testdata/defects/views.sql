-- defect: a view of a superuser
-- finds: WTI070 customer
create view app.mails as select email from app.customer;
grant select on app.mails to wt_app;
-- exploit
select exists (select from app.mails where email = 'b@example.com');

-- defect: a view of the owner over a table that is not forced
-- finds: WTI070 customer
alter table app.customer no force row level security;
set local role wt_owner;
create view app.mails as select email from app.customer;
reset role;
grant select on app.mails to wt_app;
-- exploit
select exists (select from app.mails where email = 'b@example.com');

-- defect: a view with security_invoker over one without
-- finds: WTI070 customer
create view app.inner_mails as select * from app.customer;
create view app.mails with (security_invoker = true) as select email from app.inner_mails;
grant select on app.inner_mails, app.mails to wt_app;
-- exploit
select exists (select from app.mails where email = 'b@example.com');

-- defect: rows of all tenants can be written through a view
-- finds: WTI070 customer
create view app.mails as select * from app.customer;
grant update on app.mails to wt_app;
grant select (id) on app.mails to wt_app;
-- exploit
update app.mails set secret = 'changed';
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.customer where secret = 'changed');

-- defect: a view lost security_invoker when it was replaced
-- finds: WTI070 project
create view app.names with (security_invoker = true) as select name from app.project;
grant select on app.names to wt_app;
create or replace view app.names as select name, 1 as version from app.project;
-- exploit
select exists (select from app.names where name = 'B1');

-- defect: one arm of a view is not filtered
-- finds: WTI070 task
create view app.titles with (security_barrier) as
  select name from app.project where tenant_id = app.tenant() union all select title from app.task;
grant select on app.titles to wt_app;
-- exploit
select exists (select from app.titles where name = 'B1');

-- defect: one side of a join in a view is not filtered
-- finds: WTI070 task
create view app.titles with (security_barrier) as
  select t.title from app.project p join app.task t on t.id > 0 where p.tenant_id = app.tenant();
grant select on app.titles to wt_app;
-- exploit
select exists (select from app.titles where title = 'B1');

-- defect: the tenant is in the wrong clause of an outer join
-- finds: WTI070 task
create view app.titles with (security_barrier) as
  select t.title from app.task t left join app.project p on p.id = t.project_id and p.tenant_id = app.tenant() and t.tenant_id = app.tenant();
grant select on app.titles to wt_app;
-- exploit
select exists (select from app.titles where title = 'B1');

-- defect: a view filters by OR
-- finds: WTI070 customer
create view app.mails with (security_barrier) as select email from app.customer where tenant_id = app.tenant() or email like 'b%';
grant select on app.mails to wt_app;
-- exploit
select exists (select from app.mails where email = 'b@example.com');

-- defect: a view counts all tenants
-- finds: WTI070 customer
create view app.totals as select count(*) as n from app.customer;
grant select on app.totals to wt_app;
-- exploit
select n > (select count(*) from app.customer) from app.totals;

-- defect: a view reads in a sub-select
-- finds: WTI070 customer
create view app.totals as select code, (select count(*) from app.customer) as n from app.plan;
grant select on app.totals to wt_app;
-- exploit
select n > (select count(*) from app.customer) from app.totals limit 1;

-- defect: a view filters, but is no barrier
-- finds: WTI071 customer
create view app.mails as select * from app.customer where tenant_id = app.tenant();
grant select on app.mails to wt_app;
-- exploit
create function pg_temp.see(s text) returns boolean language plpgsql cost 0.0000001 as $$ begin if s = 'secret of B' then perform set_config('test.leak', 'yes', true); end if; return true; end $$;
set local enable_indexscan = off;
set local enable_bitmapscan = off;
select count(*) from app.mails where pg_temp.see(secret);
select current_setting('test.leak', true) = 'yes';

-- defect: a materialized view
-- finds: WTI072 customer
create materialized view app.mails as select * from app.customer;
grant select on app.mails to wt_app;
-- exploit
select exists (select from app.mails where email = 'b@example.com');

-- defect: a materialized view over a view
-- finds: WTI072 customer
create view app.inner_mails as select email from app.customer;
create materialized view app.mails as select * from app.inner_mails;
grant select on app.mails to wt_app;
-- exploit
select exists (select from app.mails where email = 'b@example.com');

-- defect: a foreign table with a tenant column
-- finds: WTI072 elsewhere
create foreign data wrapper wt_wrapper;
create server far foreign data wrapper wt_wrapper;
create foreign table app.elsewhere (tenant_id uuid, body text) server far;
grant select on app.elsewhere to wt_app;

-- defect: a rule copies rows to a table without policies
-- finds: WTI073 customer
create table app.copied (secret text);
grant select on app.copied to wt_app;
grant insert on app.copied to wt_owner;
create rule copy as on update to app.customer do also insert into app.copied values (old.secret);
-- exploit
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
update app.customer set secret = secret;
set local app.tenant_id = '11111111-1111-1111-1111-111111111111';
select exists (select from app.copied where secret = 'secret of B');

-- defect: a rule writes as an owner who is not forced
-- finds: WTI073 task
alter table app.project no force row level security;
create rule touch as on insert to app.task do also update app.project set name = 'touched';
-- exploit
insert into app.task values ('11111111-1111-1111-1111-111111111111', 9, 1, 't');
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.project where name = 'touched');
