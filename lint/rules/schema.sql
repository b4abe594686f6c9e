-- The schema of the examples in the rules' folders.
create table tenants (id uuid primary key, slug text not null unique, name text);
create table bookings (
    tenant_id   uuid not null references tenants (id),
    id          uuid not null,
    customer_id uuid,
    title       text,
    primary key (tenant_id, id)
);
create table customers (
    tenant_id uuid not null references tenants (id),
    id        uuid not null,
    email     text not null unique,
    name      text,
    primary key (tenant_id, id),
    unique (tenant_id, email)
);
create function bookings_of(t uuid) returns setof bookings language sql stable as
    'select * from bookings where tenant_id = t';
