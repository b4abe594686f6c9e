-- One table as one of Watertight's users makes it, and the same in partitions.
-- sizes says how many rows each tenant gets: the k-th largest has 1/k of the
-- largest one's.
create schema app;
create table app.items (
  tenant_id uuid not null,
  id        bigint not null,
  subject   text not null,
  amount    integer not null,
  at        timestamptz not null
);
create table app.parts (like app.items) partition by hash (tenant_id);
create table app.sizes (id uuid primary key, rows bigint not null);

-- Fills a table in the order in which a service would: one row of every tenant
-- that has so many, then the next. Keys and indexes come after the rows.
create procedure app.fill(rel regclass, most bigint) language plpgsql as $$
begin
  execute format($sql$
    insert into %s (tenant_id, id, subject, amount, at)
    select s.id, n, 'subject of ' || n, n %% 1000, timestamptz '2026-01-01 00:00:00+00' + n * interval '1 minute'
    from generate_series(1, $1) n join lateral (select id from app.sizes where rows >= n) s on true $sql$, rel) using most;
  execute format('alter table %s add primary key (tenant_id, id)', rel);
  execute format('create index on %s (tenant_id, at)', rel);
end $$;
