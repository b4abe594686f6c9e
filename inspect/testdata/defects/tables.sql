-- defect: row-level security is off
-- finds: WTI010 customer
alter table app.customer disable row level security;
-- exploit
select exists (select from app.customer where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: a new table has no row-level security
-- finds: WTI010 invoice
create table app.invoice (tenant_id uuid not null, id int, amount int, primary key (tenant_id, id));
insert into app.invoice values ('22222222-2222-2222-2222-222222222222', 1, 100);
grant select on app.invoice to wt_app;
-- exploit
select exists (select from app.invoice);

-- defect: a copy of a table has no row-level security
-- finds: WTI010 customer_backup
create table app.customer_backup as select * from app.customer;
grant select on app.customer_backup to wt_app;
-- exploit
select exists (select from app.customer_backup where tenant_id = '22222222-2222-2222-2222-222222222222');

-- defect: one column of an unprotected table is readable
-- finds: WTI010 invoice
create table app.invoice (tenant_id uuid not null, id int, amount int, primary key (tenant_id, id));
insert into app.invoice values ('22222222-2222-2222-2222-222222222222', 1, 100);
grant select (amount) on app.invoice to wt_app;
-- exploit
select exists (select amount from app.invoice);

-- defect: an unprotected table can be appended to
-- finds: WTI010 event
create unlogged table app.event (tenant_id uuid not null, body text);
grant insert on app.event to wt_app;
-- exploit
insert into app.event values ('22222222-2222-2222-2222-222222222222', 'planted');
select true;

-- defect: an unprotected table is open to PUBLIC
-- finds: WTI010 event
create table app.event (tenant_id uuid not null, body text);
insert into app.event values ('22222222-2222-2222-2222-222222222222', 'B');
grant select on app.event to public;
-- exploit
select exists (select from app.event);

-- defect: a partition is readable past its parent
-- finds: WTI012 event_2026
create table app.event (tenant_id uuid not null, at date not null, body text) partition by range (at);
create table app.event_2026 partition of app.event for values from ('2026-01-01') to ('2027-01-01');
insert into app.event values ('22222222-2222-2222-2222-222222222222', '2026-05-05', 'B');
alter table app.event enable row level security, force row level security;
create policy tenant on app.event using (tenant_id = (select app.tenant()));
grant select on app.event, app.event_2026 to wt_app;
-- exploit
select exists (select from app.event_2026);

-- defect: a sub-partition is writable past its parents
-- finds: WTI012 event_2026_b
create table app.event (tenant_id uuid not null, at date not null, body text) partition by range (at);
create table app.event_2026 partition of app.event for values from ('2026-01-01') to ('2027-01-01') partition by hash (tenant_id);
create table app.event_2026_b partition of app.event_2026 for values with (modulus 1, remainder 0);
alter table app.event enable row level security, force row level security;
alter table app.event_2026 enable row level security, force row level security;
create policy tenant on app.event using (tenant_id = (select app.tenant()));
grant select on app.event to wt_app;
grant insert on app.event_2026_b to wt_app;
-- exploit
insert into app.event_2026_b values ('22222222-2222-2222-2222-222222222222', '2026-05-05', 'planted');
select true;

-- defect: a detached partition stays readable
-- finds: WTI010 event_2026
create table app.event (tenant_id uuid not null, at date not null, body text) partition by range (at);
create table app.event_2026 partition of app.event for values from ('2026-01-01') to ('2027-01-01');
insert into app.event values ('22222222-2222-2222-2222-222222222222', '2026-05-05', 'B');
alter table app.event enable row level security, force row level security;
create policy tenant on app.event using (tenant_id = (select app.tenant()));
grant select on app.event, app.event_2026 to wt_app;
alter table app.event detach partition app.event_2026;
-- exploit
select exists (select from app.event_2026);

-- defect: a child table is readable past its parent
-- finds: WTI012 vip
create table app.vip (note text) inherits (app.customer);
insert into app.vip values ('22222222-2222-2222-2222-222222222222', 9, 'v@example.com', 'secret of B', 'vip');
grant select on app.vip to wt_app;
-- exploit
select exists (select from app.vip);

-- defect: a parent without policies shows its children's rows
-- finds: WTI012 doc
create table app.base (id int, body text);
create table app.doc (tenant_id uuid not null) inherits (app.base);
insert into app.doc values (1, 'secret of B', '22222222-2222-2222-2222-222222222222');
alter table app.doc enable row level security, force row level security;
create policy tenant on app.doc using (tenant_id = (select app.tenant()));
grant select on app.base, app.doc to wt_app;
-- exploit
select exists (select from app.base where body = 'secret of B');

-- defect: a link table has no tenant
-- finds: WTI013 label
create table app.tag (tenant_id uuid not null, id int primary key, unique (tenant_id, id));
alter table app.tag enable row level security, force row level security;
create policy tenant on app.tag using (tenant_id = (select app.tenant()));
insert into app.tag values ('22222222-2222-2222-2222-222222222222', 7);
create table app.label (tag_id int references app.tag, body text);
insert into app.label values (7, 'secret of B');
grant select, insert on app.tag, app.label to wt_app;
-- exploit
select exists (select from app.label where body = 'secret of B');

-- defect: a child of a child has no tenant
-- finds: WTI013 label_note
create table app.tag (tenant_id uuid not null, id int primary key, unique (tenant_id, id));
alter table app.tag enable row level security, force row level security;
create policy tenant on app.tag using (tenant_id = (select app.tenant()));
insert into app.tag values ('22222222-2222-2222-2222-222222222222', 7);
create table app.label (id int primary key, tag_id int references app.tag);
insert into app.label values (1, 7);
create table app.label_note (label_id int references app.label, body text);
insert into app.label_note values (1, 'secret of B');
grant select on app.label_note to wt_app;
-- exploit
select exists (select from app.label_note where body = 'secret of B');

-- defect: a link table checks one side only
-- finds: WTI060 tagged
create table app.tag (tenant_id uuid not null, id int primary key);
create table app.item (tenant_id uuid not null, id int primary key);
alter table app.tag enable row level security, force row level security;
alter table app.item enable row level security, force row level security;
create policy tenant on app.tag using (tenant_id = (select app.tenant()));
create policy tenant on app.item using (tenant_id = (select app.tenant()));
insert into app.tag values ('22222222-2222-2222-2222-222222222222', 7);
insert into app.item values ('11111111-1111-1111-1111-111111111111', 1);
create table app.tagged (item_id int references app.item, tag_id int references app.tag);
alter table app.tagged enable row level security, force row level security;
create policy by_item on app.tagged using (exists (select from app.item i where i.id = item_id));
grant select on app.tag, app.item to wt_app;
grant select, insert on app.tagged to wt_app;
-- exploit
insert into app.tagged values (1, 7);
select true;

-- defect: a shared table is writable
-- finds: WTI014 plan
grant update on app.plan to wt_app;
-- exploit
update app.plan set price = 0;
select exists (select from app.plan where code = 'paid' and price = 0);

-- defect: rows of a shared table can be deleted
-- finds: WTI014 plan
grant delete on app.plan to wt_app;
-- exploit
delete from app.plan where code = 'paid';
select not exists (select from app.plan where code = 'paid');

-- defect: the list of tenants is writable
-- finds: WTI010 tenants
alter table app.tenants disable row level security;
grant update on app.tenants to wt_app;
-- exploit
update app.tenants set name = 'taken' where id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.tenants where name = 'taken');

-- defect: a policy lets everybody change the list of tenants
-- finds: WTI015 tenants
create policy edit on app.tenants using (true);
grant update on app.tenants to wt_app;
-- exploit
update app.tenants set name = 'taken' where id = '22222222-2222-2222-2222-222222222222';
select exists (select from app.tenants where name = 'taken');
