-- safe: quoted camelCase names
-- column: tenantId
create schema "Crm";
grant usage on schema "Crm" to wt_app;
create table "Crm"."Contact" ("tenantId" uuid not null, "id" uuid not null default gen_random_uuid(), "eMail" text, primary key ("tenantId", "id"), unique ("tenantId", "eMail"));
create table "Crm"."Order" ("tenantId" uuid not null, "id" uuid not null, "contactId" uuid, primary key ("tenantId", "id"), foreign key ("tenantId", "contactId") references "Crm"."Contact");
alter table "Crm"."Contact" enable row level security;
alter table "Crm"."Order" enable row level security;
create policy "tenant Isolation" on "Crm"."Contact" using ("tenantId" = nullif(current_setting('app.tenantId', true), '')::uuid);
create policy "tenant Isolation" on "Crm"."Order" using ("tenantId" = nullif(current_setting('app.tenantId', true), '')::uuid);
grant select, insert, update, delete on "Crm"."Contact", "Crm"."Order" to wt_app;

-- safe: organization_id, bigint keys
-- column: organization_id
create table public.organizations (id bigint generated always as identity primary key, name text);
create table public.invoices (organization_id bigint not null references public.organizations, id bigint generated always as identity, number text not null, primary key (organization_id, id), unique (organization_id, number));
alter table public.invoices enable row level security, force row level security;
create policy org on public.invoices using (organization_id = nullif(current_setting('my.org', true), '')::bigint);
grant usage on schema public to wt_app;
grant select, insert, update, delete on public.invoices to wt_app;

-- safe: text keys
create table public.doc (tenant_id text not null check (tenant_id ~ '^[a-z0-9-]+$'), id int not null, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy p on public.doc using (tenant_id = current_setting('app.tenant_id', true));
grant select, insert, update, delete on public.doc to wt_app;

-- safe: a domain over uuid, and a varchar
create schema app;
grant usage on schema app to wt_app;
create domain app.tenant_key as uuid not null;
create table app.a (tenant_id app.tenant_key, id int, primary key (tenant_id, id));
alter table app.a enable row level security, force row level security;
create policy p on app.a using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert on app.a to wt_app;

-- safe: several schemas with one table of tenants
create schema core;
create schema billing;
grant usage on schema core, billing to wt_app;
create table core.tenants (id uuid primary key, slug text unique);
create table core.person (tenant_id uuid not null references core.tenants on delete cascade, id uuid, primary key (tenant_id, id));
create table billing.bill (tenant_id uuid not null references core.tenants on delete cascade, id uuid, person uuid, primary key (tenant_id, id), foreign key (tenant_id, person) references core.person);
alter table core.tenants enable row level security;
alter table core.person enable row level security;
alter table billing.bill enable row level security;
create policy own on core.tenants for select using (id = current_setting('app.tenant_id')::uuid);
create policy p on core.person using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy p on billing.bill using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select on core.tenants to wt_app;
grant select, insert, update, delete on core.person, billing.bill to wt_app;

-- safe: no FORCE, owned by a role that the application cannot reach
create schema app authorization wt_owner;
grant usage on schema app to wt_app;
set local role wt_owner;
create table app.doc (tenant_id uuid not null, id uuid default gen_random_uuid(), body text, primary key (tenant_id, id));
alter table app.doc enable row level security;
create policy p on app.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, delete on app.doc to wt_app;
reset role;

-- safe: a policy for each command
create table public.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy s on public.doc for select using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy i on public.doc for insert with check (tenant_id = current_setting('app.tenant_id')::uuid);
create policy u on public.doc for update using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy d on public.doc for delete using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, update, delete on public.doc to wt_app;

-- safe: restrictive policies over a permissive true
create table public.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy everything on public.doc using (true) with check (true);
create policy tenant on public.doc as restrictive using (tenant_id = (select current_setting('app.tenant_id')::uuid)) with check (tenant_id = (select current_setting('app.tenant_id')::uuid));
grant select, insert, update, delete on public.doc to wt_app;

-- safe: an administrator's role has a policy of its own
create role wt_admin login;
create table public.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy tenant on public.doc to wt_app using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy admin on public.doc to wt_admin using (true);
create policy admin_by_name on public.doc using (current_user = 'wt_admin');
create policy admin_by_role on public.doc using (pg_has_role(current_user, 'wt_admin', 'member'));
grant select, insert, update, delete on public.doc to wt_app, wt_admin;

-- safe: a role with BYPASSRLS that only jobs use
create role wt_jobs login bypassrls;
create table public.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy tenant on public.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, update, delete on public.doc to wt_app, wt_jobs;

-- safe: the tenant in a JWT
create schema auth;
grant usage on schema auth to wt_app;
create function auth.tenant_id() returns uuid language sql stable as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'tenant_id')::uuid $$;
create table public.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy tenant on public.doc using (tenant_id = (select auth.tenant_id()));
create table public.other (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table public.other enable row level security, force row level security;
create policy tenant on public.other using (tenant_id = ((current_setting('request.jwt.claims', true))::json ->> 'tenant_id')::uuid);
grant select, insert, update, delete on public.doc, public.other to wt_app;

-- safe: a membership table that the application cannot write
create table public.membership (tenant_id uuid not null, usr uuid not null, primary key (tenant_id, usr));
alter table public.membership enable row level security, force row level security;
create policy own on public.membership for select using (usr = nullif(current_setting('app.user_id', true), '')::uuid);
create table public.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy tenant on public.doc using (tenant_id in (select m.tenant_id from public.membership m where m.usr = nullif(current_setting('app.user_id', true), '')::uuid));
grant select on public.membership to wt_app;
grant select, insert, update, delete on public.doc to wt_app;

-- safe: membership by a definer function
create schema private;
grant usage on schema private to wt_app;
create table private.membership (tenant_id uuid not null, usr uuid not null, primary key (tenant_id, usr));
create function private.is_member(t uuid) returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select 1 from private.membership m where m.tenant_id = t and m.usr = nullif(current_setting('app.user_id', true), '')::uuid) $$;
create table public.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy tenant on public.doc using (private.is_member(tenant_id));
grant select, insert, update, delete on public.doc to wt_app;

-- safe: a child table without the column, by its parent
create table public.doc (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), body text);
create table public.line (id uuid primary key default gen_random_uuid(), doc_id uuid not null references public.doc on delete cascade, body text);
alter table public.doc enable row level security, force row level security;
alter table public.line enable row level security, force row level security;
create policy tenant on public.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy by_doc on public.line using (exists (select 1 from public.doc d where d.id = line.doc_id and d.tenant_id = current_setting('app.tenant_id')::uuid));
grant select, insert, update, delete on public.doc, public.line to wt_app;
create index on public.doc (tenant_id);

-- safe: partitions that only the parent reaches
create table public.event (tenant_id uuid not null, at timestamptz not null, id uuid default gen_random_uuid(), primary key (tenant_id, at, id)) partition by range (at);
create table public.event_1 partition of public.event for values from ('2026-01-01') to ('2026-07-01');
create table public.event_2 partition of public.event default;
alter table public.event enable row level security, force row level security;
create policy tenant on public.event using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert on public.event to wt_app;

-- safe: partitions by tenant with policies of their own
create table public.event (tenant_id uuid not null, id uuid, primary key (tenant_id, id)) partition by hash (tenant_id);
create table public.event_0 partition of public.event for values with (modulus 2, remainder 0);
create table public.event_1 partition of public.event for values with (modulus 2, remainder 1);
do $$ declare t text; begin
  foreach t in array '{event,event_0,event_1}'::text[] loop
    execute format('alter table public.%I enable row level security, force row level security', t);
    execute format('create policy tenant on public.%I using (tenant_id = current_setting(''app.tenant_id'')::uuid)', t);
    execute format('grant select, insert, update, delete on public.%I to wt_app', t);
  end loop;
end $$;

-- safe: inheritance where parent and child have the same policy
create table public.base (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
create table public.special (note text, primary key (tenant_id, id)) inherits (public.base);
alter table public.base enable row level security, force row level security;
alter table public.special enable row level security, force row level security;
create policy tenant on public.base using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy tenant on public.special using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, update, delete on public.base, public.special to wt_app;

-- safe: views with security_invoker, and of a weak owner
create schema app authorization wt_owner;
grant usage on schema app to wt_app;
set local role wt_owner;
create table app.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table app.doc enable row level security, force row level security;
create policy p on app.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
create view app.by_owner as select * from app.doc;
create view app.by_invoker with (security_invoker = on) as select count(*) from app.doc;
create view app.nested with (security_invoker = true) as select * from app.by_owner;
grant select, insert on app.doc to wt_app;
grant select, insert on app.by_owner to wt_app;
grant select on app.by_invoker, app.nested to wt_app;
reset role;

-- safe: a barrier view is the only way to the table
create schema app;
grant usage on schema app to wt_app;
create table app.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table app.doc enable row level security;
create view app.mine with (security_barrier = true) as select * from app.doc where tenant_id = current_setting('app.tenant_id')::uuid with check option;
grant select, insert, update, delete on app.mine to wt_app;
create table app.note (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table app.note enable row level security;
create policy p on app.note using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select on app.note to wt_app;

-- safe: a materialized view behind a barrier view
create table public.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy p on public.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
create materialized view public.totals_all as select tenant_id, count(*) as n from public.doc group by 1;
create view public.totals with (security_barrier) as select * from public.totals_all where tenant_id = current_setting('app.tenant_id')::uuid;
grant select, insert on public.doc to wt_app;
grant select on public.totals to wt_app;

-- safe: a definer function with a weak owner
create schema app authorization wt_owner;
grant usage on schema app to wt_app;
set local role wt_owner;
create table app.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table app.doc enable row level security, force row level security;
create policy p on app.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
create function app.titles() returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select body from app.doc $$;
grant select, insert on app.doc to wt_app;
reset role;

-- safe: a definer function that only its owner may call
create schema app;
grant usage on schema app to wt_app;
create table app.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
alter table app.doc enable row level security, force row level security;
create policy p on app.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
create function app.all_titles() returns setof text language sql stable security definer set search_path = pg_catalog, pg_temp as $$ select body from app.doc $$;
revoke all on function app.all_titles() from public;
grant select, insert on app.doc to wt_app;

-- safe: an audit log by a definer trigger
create schema app authorization wt_owner;
grant usage on schema app to wt_app;
set local role wt_owner;
create table app.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
create table app.audit (tenant_id uuid not null, at timestamptz default now(), entry jsonb);
create index on app.audit (tenant_id);
alter table app.doc enable row level security, force row level security;
alter table app.audit enable row level security, force row level security;
create policy p on app.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy p on app.audit using (tenant_id = current_setting('app.tenant_id')::uuid);
create function app.keep() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as
  $$ begin insert into app.audit (tenant_id, entry) values (coalesce(new.tenant_id, old.tenant_id), to_jsonb(coalesce(new, old))); return null; end $$;
create trigger keep after insert or update or delete on app.doc for each row execute function app.keep();
grant select, insert, update (body), delete on app.doc to wt_app;
grant select on app.audit to wt_app;
reset role;

-- safe: a trigger writes the tenant
create table public.doc (tenant_id uuid not null default current_setting('app.tenant_id')::uuid, id uuid, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy p on public.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
create function public.set_tenant() returns trigger language plpgsql as $$ begin new.tenant_id := current_setting('app.tenant_id')::uuid; return new; end $$;
create trigger set_tenant before insert on public.doc for each row execute function public.set_tenant();
grant select, insert, update, delete on public.doc to wt_app;

-- safe: shared rows that only migrations write
create table public.country (code text primary key, name text unique);
create table public.doc (tenant_id uuid not null, id uuid, country text references public.country, primary key (tenant_id, id));
create table public.template (tenant_id uuid, id uuid primary key default gen_random_uuid(), body text);
alter table public.doc enable row level security, force row level security;
alter table public.template enable row level security, force row level security;
create policy p on public.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy read on public.template for select using (tenant_id is null or tenant_id = current_setting('app.tenant_id')::uuid);
create policy write on public.template for insert with check (tenant_id = current_setting('app.tenant_id')::uuid);
grant select on public.country to wt_app;
grant select, insert on public.doc, public.template to wt_app;
create index on public.template (tenant_id);

-- safe: global random keys with composite references
create table public.client (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), unique (tenant_id, id));
create table public.bill (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), client_id uuid, foreign key (tenant_id, client_id) references public.client (tenant_id, id) on delete set null (client_id));
create index on public.bill (tenant_id);
alter table public.client enable row level security, force row level security;
alter table public.bill enable row level security, force row level security;
create policy p on public.client using (tenant_id = current_setting('app.tenant_id')::uuid);
create policy p on public.bill using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, update, delete on public.client, public.bill to wt_app;

-- safe: exclusion by tenant and room
create extension btree_gist schema public;
create table public.booking (tenant_id bigint not null, room int, during tstzrange, exclude using gist (tenant_id with =, room with =, during with &&));
alter table public.booking enable row level security, force row level security;
create policy p on public.booking using (tenant_id = current_setting('app.tenant_id')::bigint);
grant select, insert on public.booking to wt_app;
create index on public.booking (tenant_id);

-- safe: expression, partial and covering unique indexes with the tenant
create table public.person (tenant_id uuid not null, id uuid, email text, active boolean, primary key (tenant_id, id));
create unique index on public.person (tenant_id, lower(email)) include (id) where active;
create unique index on public.person (lower(email), tenant_id) nulls not distinct;
alter table public.person enable row level security, force row level security;
create policy p on public.person using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, update, delete on public.person to wt_app;

-- safe: a nullable tenant that equality hides
create table public.doc (tenant_id uuid, id uuid primary key, body text);
create index on public.doc (tenant_id);
alter table public.doc enable row level security, force row level security;
create policy p on public.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, update, delete on public.doc to wt_app;

-- safe: tables that the application has no right on
create table public.doc (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy p on public.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert on public.doc to wt_app;
create table public.ledger (tenant_id uuid not null, email text unique, doc uuid);
create schema warehouse;
create table warehouse.copy as select * from public.doc;
grant select on warehouse.copy to wt_app; -- but no USAGE on the schema
create table public.link (doc_id uuid, tag text);

-- safe: a role for each tenant
-- app: wt_tenant_1
create role wt_tenant_1 login;
create role wt_tenant_2 login;
create table public.doc (tenant_id int not null, id int, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy t1 on public.doc to wt_tenant_1 using (tenant_id = 1);
create policy t2 on public.doc to wt_tenant_2 using (tenant_id = 2);
grant select, insert on public.doc to wt_tenant_1, wt_tenant_2;

-- safe: the tenant is the name of the role
-- app: wt_tenant_1
create role wt_tenant_1 login;
create table public.doc (tenant_id text not null default current_user, id int, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy t on public.doc using (tenant_id = current_user);
grant usage on schema public to wt_tenant_1;
grant select, insert on public.doc to wt_tenant_1;

-- safe: a signed context by a definer function
create schema ctx;
grant usage on schema ctx to wt_app;
create table ctx.key (kid int primary key, k bytea not null);
create function ctx.tenant() returns uuid language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare token text := current_setting('ctx.token', true); key bytea;
begin
  select k into key from ctx.key where kid = split_part(token, '.', 1)::int;
  if encode(sha256(key || convert_to(split_part(token, '.', 2), 'UTF8')), 'hex') is distinct from split_part(token, '.', 3) then
    raise exception 'invalid context' using errcode = '42501';
  end if;
  return split_part(token, '.', 2)::uuid;
end $$;
create table public.doc (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy t on public.doc using (tenant_id = (select ctx.tenant())) with check (tenant_id = (select ctx.tenant()));
grant select, insert, update, delete on public.doc to wt_app;

-- safe: a function enters the tenant after it checked the membership
create schema app;
grant usage on schema app to wt_app;
create table app.membership (tenant_id uuid not null, usr uuid not null, primary key (tenant_id, usr));
create table app.doc (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table app.membership enable row level security;
alter table app.doc enable row level security, force row level security;
create policy t on app.doc using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
create function app.enter(u uuid, t uuid) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from app.membership m where m.usr = u and m.tenant_id = t) then
    raise exception 'not a member' using errcode = '42501';
  end if;
  perform set_config('app.tenant_id', t::text, true);
end $$;
grant select, insert, update, delete on app.doc to wt_app;

-- safe: rules and notifications that tell nothing
create table public.doc (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy t on public.doc using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
create rule keep as on delete to public.doc do instead nothing;
create function public.tell() returns trigger language plpgsql as $$ begin perform pg_notify('doc_changed', ''); return null; end $$;
create trigger tell after insert on public.doc for each statement execute function public.tell();
grant select, insert, delete on public.doc to wt_app;

-- safe: deferrable composite keys, generated columns, full text
create table public.parent (tenant_id uuid not null, id bigint generated by default as identity, name text, words tsvector generated always as (to_tsvector('simple', coalesce(name, ''))) stored, primary key (tenant_id, id));
create table public.child (tenant_id uuid not null, id bigint generated by default as identity, parent_id bigint, primary key (tenant_id, id),
  foreign key (tenant_id, parent_id) references public.parent on delete cascade deferrable initially deferred);
create index on public.parent using gin (words);
alter table public.parent enable row level security, force row level security;
alter table public.child enable row level security, force row level security;
create policy t on public.parent using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
create policy t on public.child using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update, delete on public.parent, public.child to wt_app;

-- safe: a second condition inside the tenant
create table public.task (tenant_id uuid not null, id uuid, assignee uuid, private boolean, primary key (tenant_id, id));
alter table public.task enable row level security, force row level security;
create policy t on public.task using (tenant_id = current_setting('app.tenant_id')::uuid and (not private or assignee = current_setting('app.user_id')::uuid));
create policy narrow on public.task as restrictive for delete using (assignee = current_setting('app.user_id')::uuid);
grant select, insert, update, delete on public.task to wt_app;

-- safe: one policy that covers a tenant and the tenants that it may act for
create table public.doc (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy t on public.doc using (tenant_id = any (string_to_array(nullif(current_setting('app.tenant_ids', true), ''), ',')::uuid[]));
grant select, insert, update, delete on public.doc to wt_app;

-- safe: a group role holds the grants
create role wt_group nologin;
grant wt_group to wt_app;
create table public.doc (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy t on public.doc to wt_group using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, update, delete on public.doc to wt_group;
alter default privileges in schema public grant select, insert, update, delete on tables to wt_group;

-- safe: replication to a warehouse
create table public.doc (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy t on public.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, update, delete on public.doc to wt_app;
create role wt_replicator login replication;
create publication warehouse for table public.doc;

-- safe: a company's employees in the style of company_id
create table public.companies (company_id int primary key, name text);
create table public.employees (company_id int not null references public.companies, employee_id int, manager_id int, primary key (company_id, employee_id), foreign key (company_id, manager_id) references public.employees);
alter table public.companies enable row level security;
alter table public.employees enable row level security;
create policy c on public.companies for select using (company_id = current_setting('app.company')::int);
create policy c on public.employees using (company_id = current_setting('app.company')::int);
grant select on public.companies to wt_app;
grant select, insert, update, delete on public.employees to wt_app;

-- safe: useful extensions
create extension citext schema public;
create extension pg_trgm schema public;
create extension "uuid-ossp" schema public;
create extension pgcrypto schema public;
create table public.person (tenant_id uuid not null, id uuid default public.uuid_generate_v4(), email public.citext, primary key (tenant_id, id), unique (tenant_id, email));
alter table public.person enable row level security, force row level security;
create policy t on public.person using (tenant_id = current_setting('app.tenant_id')::uuid);
grant select, insert, update, delete on public.person to wt_app;

-- safe: append-only log without reading
create table public.doc (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy t on public.doc using (tenant_id = current_setting('app.tenant_id')::uuid);
create table public.outbox (id bigint generated always as identity primary key, body jsonb);
grant select, insert, update, delete on public.doc to wt_app;
grant insert on public.outbox to wt_app;

-- safe: a comparison in functions, with and without a search_path
create schema app;
grant usage on schema app to wt_app;
create function app.tenant() returns uuid language sql stable security definer as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;
create function app.mine(t uuid) returns boolean language sql stable return t = app.tenant();
create function app.also_mine(t uuid) returns boolean language sql stable as $$ select t = app.tenant() $$;
create table app.doc (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
create table app.note (tenant_id uuid not null, id uuid, primary key (tenant_id, id));
alter table app.doc enable row level security, force row level security;
alter table app.note enable row level security, force row level security;
create policy t on app.doc using (app.mine(tenant_id));
create policy t on app.note using (app.also_mine(tenant_id));
grant select, insert, update, delete on app.doc, app.note to wt_app;

-- safe: keys of fixed length, and a shared tenant that nobody may write
create table public.doc (tenant_id character(26) not null, id int, body text, primary key (tenant_id, id));
alter table public.doc enable row level security, force row level security;
create policy read on public.doc for select using (tenant_id = current_setting('app.tenant_id') or tenant_id = '00000000000000000000000000');
create policy write on public.doc for insert with check (tenant_id = current_setting('app.tenant_id'));
grant select, insert on public.doc to wt_app;

-- safe: a claim with a list of tenants
create table public.doc (team_id uuid not null, id uuid, primary key (team_id, id));
alter table public.doc enable row level security, force row level security;
create policy t on public.doc using ((current_setting('request.jwt.claims', true)::jsonb -> 'teams') ? team_id::text);
grant select, insert on public.doc to wt_app;

-- safe: a Citus cluster: one permissive policy with a bare call, spread by tenant
-- profile: citus
set local allow_system_table_mods = on;
create table pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char", partkey text, colocationid int, repmodel "char");
create function pg_catalog.run_command_on_workers(command text) returns text language sql as 'select command';
revoke execute on function pg_catalog.run_command_on_workers(text) from public;
create schema app;
grant usage on schema app to wt_app;
create function app.tenant() returns uuid language plpgsql stable as $$ begin return nullif(current_setting('app.tenant_id', true), '')::uuid; end $$;
create table app.doc (tenant_id uuid not null, id uuid, body text, primary key (tenant_id, id));
create table app.page (tenant_id uuid not null, id uuid, doc uuid, primary key (tenant_id, id), foreign key (tenant_id, doc) references app.doc on delete cascade);
create table app.country (code text primary key);
alter table app.doc enable row level security, force row level security;
alter table app.page enable row level security, force row level security;
create policy t on app.doc using (tenant_id = app.tenant());
create policy t on app.page using (tenant_id = app.tenant());
grant select, insert, delete, update (body) on app.doc to wt_app;
grant select on app.page, app.country to wt_app;
alter role wt_app set citus.propagate_set_commands = 'local';
alter role wt_app set track_activities = off;
insert into pg_catalog.pg_dist_partition values
  ('app.doc', 'h', '{VAR :varno 1 :varattno 1 :vartype 2950}', 1, 's'),
  ('app.page', 'h', '{VAR :varno 1 :varattno 1 :vartype 2950}', 1, 's'),
  ('app.country', 'n', null, 2, 't');
