-- Watertight's tables, made as its users make them. Rows are put in before
-- protect(), which has no log to write for them then.
create schema bench;

create table bench.audited (
  tenant_id uuid not null,
  id        bigint not null,
  subject   text not null,
  amount    integer not null,
  at        timestamptz not null,
  primary key (tenant_id, id)
);
create index on bench.audited (tenant_id, at);
create table bench.silent (like bench.audited including all);
