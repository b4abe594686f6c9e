-- The schema of the corpus. Ids are unique within a tenant only, except where
-- a table says otherwise, so that a join without the tenant meets other rows.
create table tenants (
    id   uuid primary key,
    slug text not null unique,
    name text not null
);

create table countries (code text primary key, name text not null, currency text);
create table tags (id int primary key, label text not null);

create table customers (
    tenant_id  uuid not null references tenants (id),
    id         uuid not null,
    email      text not null,
    name       text,
    vip        boolean not null default false,
    score      int not null default 0,
    referrer   uuid,
    country    text references countries (code),
    primary key (tenant_id, id),
    unique (tenant_id, email)
);

create table rooms (
    tenant_id uuid not null references tenants (id),
    id        uuid not null,
    name      text not null,
    capacity  int not null,
    primary key (tenant_id, id)
);

create table bookings (
    tenant_id   uuid not null references tenants (id),
    id          uuid not null,
    customer_id uuid,
    room_id     uuid,
    title       text,
    status      text not null default 'open',
    starts_at   timestamptz,
    amount      int not null default 0,
    primary key (tenant_id, id)
);
create unique index bookings_title_idx on bookings (tenant_id, lower(title));

create schema billing;
create table billing.invoices (
    tenant_id  uuid not null,
    id         uuid not null,
    booking_id uuid,
    total      int not null,
    paid       boolean not null default false,
    primary key (tenant_id, id)
);

-- Ids unique across tenants.
create table jobs (
    id        bigserial primary key,
    tenant_id uuid not null,
    state     text not null default 'new',
    payload   text
);
create table profiles (
    id        uuid primary key,
    tenant_id uuid not null,
    handle    text not null unique,
    bio       text,
    unique (tenant_id, handle)
);

-- Keyed by text, nullable.
create table drafts (tenant_id text, id int, body text);

create table events (
    tenant_id uuid not null,
    id        int not null,
    kind      text not null,
    at        date not null,
    primary key (tenant_id, id, at)
) partition by range (at);
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');

create table documents (tenant_id uuid not null, id int not null, body text);
create table contracts (signed boolean not null default false) inherits (documents);

create table "userPrefs" (tenant_id uuid not null, "userId" int not null, "prefValue" text, primary key (tenant_id, "userId"));

create view booking_list as
    select b.tenant_id, b.id, b.title, c.email
    from bookings b join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id;
create view open_bookings as select * from bookings where status = 'open';
create view open_titles as select tenant_id, title from open_bookings;
create view loose_list as
    select b.tenant_id, b.id, b.title, c.email
    from bookings b join customers c on c.id = b.customer_id;
create view tenant_totals as select tenant_id, count(*) as n, sum(amount) as total from bookings group by tenant_id;
create view grand_total as select count(*) as n, sum(amount) as total from bookings;
create view ranked as select tenant_id, id, rank() over (order by amount) as place from bookings;
create view ranked_within as select tenant_id, id, rank() over (partition by tenant_id order by amount) as place from bookings;
create view everyone as
    select tenant_id, id, name as label from customers
    union all
    select tenant_id, id, title from bookings;
create materialized view booking_copy as select tenant_id, id, title, amount from bookings;

create function add_tax(amount int) returns int language sql immutable as 'select amount * 123 / 100';
create function booking_count(t uuid) returns bigint language sql stable as 'select count(*) from public.bookings where tenant_id = t';
