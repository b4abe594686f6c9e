-- Every kind of type, constraint and default that a row can need.
create extension if not exists btree_gist;
create extension if not exists citext;
create extension if not exists hstore;
create extension if not exists ltree;
create type level as enum ('low', 'mid', 'high');
create type address as (street text, zip int);
create domain positive as int check (value > 0);
create domain email as citext not null check (value ~ '^[^@\s]+@[^@\s]+\.[a-z]{2,}$');
create domain short as varchar(5);
create domain percent as numeric(5, 2) check (value >= 0 and value <= 100);
create domain slug as text check (value ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(value) <= 20);
create domain tags as text[] check (cardinality(value) >= 1);
create table orgs (id uuid primary key, slug slug not null unique, plan text not null check (plan in ('free', 'pro')));
create table everything (
  org_id uuid not null references orgs,
  id bigint generated always as identity,
  a_text text not null, a_varchar varchar(3) not null, a_char char(2) not null, a_citext citext not null, a_name name not null,
  an_int2 smallint not null, an_int4 int not null, an_int8 bigint not null, a_numeric numeric not null, a_small numeric(3, 2) not null,
  a_real real not null, a_double double precision not null, a_money money not null, a_bool boolean not null,
  a_uuid uuid not null, a_date date not null, a_ts timestamp not null, a_tstz timestamptz not null, a_time time not null, a_timetz timetz not null, an_interval interval not null,
  a_json json not null, a_jsonb jsonb not null, a_bytea bytea not null, an_xml xml not null,
  an_inet inet not null, a_cidr cidr not null, a_mac macaddr not null, a_mac8 macaddr8 not null,
  a_bit bit(4) not null, a_varbit varbit(6) not null, a_tsv tsvector not null, a_tsq tsquery not null,
  a_point point not null, a_line line not null, a_seg lseg not null, a_box box not null, a_path path not null, a_poly polygon not null, a_circle circle not null,
  an_int4range int4range not null, an_int8range int8range not null, a_numrange numrange not null, a_daterange daterange not null, a_tsrange tsrange not null, a_tstzrange tstzrange not null,
  a_multi int4multirange not null, an_enum level not null, a_level_array level[] not null, an_int_array int[] not null, a_text_array text[] not null, a_uuid_array uuid[] not null, a_json_array jsonb[] not null,
  an_address address not null, a_hstore hstore not null, an_ltree ltree not null, an_oid oid not null, a_class regclass not null, an_lsn pg_lsn not null, a_path_expr jsonpath not null, a_single "char" not null,
  a_positive positive not null, an_email email, a_short short not null, a_percent percent not null, a_slug slug not null, a_tags tags not null,
  generated_total numeric generated always as (an_int4 * 2) stored,
  primary key (org_id, id), unique (org_id, a_slug)
);
create table checked (
  org_id uuid not null references orgs,
  id uuid not null default gen_random_uuid(),
  status text not null check (status in ('draft', 'open', 'closed')),
  closed_at timestamptz,
  check ((status = 'closed') = (closed_at is not null)),
  starts_on date not null, ends_on date not null, check (starts_on < ends_on and ends_on - starts_on <= 31),
  low int not null, high int not null, check (low between 5 and 50 and high > low and high <= 60),
  code text not null check (code ~ '^[A-Z]{2}-[0-9]{4}$'),
  iban text check (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'),
  phone text not null check (phone ~ '^\+[1-9][0-9]{6,14}$'),
  color text not null check (color ~* '^#[0-9a-f]{6}$'),
  title text not null check (length(trim(title)) between 40 and 60),
  upper_only text not null check (upper_only = upper(upper_only) and length(upper_only) = 6),
  like_it text not null check (like_it like 'pre\_%-x'),
  price numeric(10, 2) not null check (price >= 0.01), discount numeric(10, 2) not null default 0 check (discount >= 0), check (discount < price),
  kind text not null check (kind = any (array['card', 'cash'])), card text, check (case kind when 'card' then card is not null else card is null end),
  email text, phone2 text, check (num_nonnulls(email, phone2) = 1),
  settings jsonb not null check (jsonb_typeof(settings) = 'object' and settings ? 'theme'),
  list text[] not null check (cardinality(list) between 1 and 3),
  weekdays int[] not null check (weekdays <@ array[1, 2, 3, 4, 5, 6, 7] and cardinality(weekdays) > 0),
  quarter int not null check (quarter % 3 = 1), hash bytea not null check (octet_length(hash) = 32),
  opens time not null, closes time not null, check (opens < closes),
  wait interval not null check (wait > '5 minutes' and wait <= '2 hours'),
  network cidr not null check (masklen(network) = 24), zone text not null check (zone <> ''),
  born date not null check (born < '2010-01-01' and born > '1950-01-01'),
  primary key (org_id, id)
);
create table parents (org_id uuid not null references orgs, id int not null, name text not null, boss int, primary key (org_id, id), foreign key (org_id, boss) references parents deferrable initially deferred);
create table tree (org_id uuid not null references orgs, id uuid not null, root uuid not null, primary key (org_id, id), foreign key (org_id, root) references tree);
create table chicken (org_id uuid not null references orgs, id int not null, egg int not null, primary key (org_id, id));
create table egg (org_id uuid not null references orgs, id int not null, chicken int not null, primary key (org_id, id), foreign key (org_id, chicken) references chicken deferrable initially deferred);
alter table chicken add foreign key (org_id, egg) references egg (org_id, id) deferrable initially deferred;
create table hard_chicken (org_id uuid not null references orgs, id int not null, egg int not null, primary key (org_id, id));
create table hard_egg (org_id uuid not null references orgs, id int not null, chicken int not null, primary key (org_id, id), foreign key (org_id, chicken) references hard_chicken);
alter table hard_chicken add foreign key (org_id, egg) references hard_egg (org_id, id);
create table one_to_one (org_id uuid not null, parent_id int not null, note text not null, primary key (org_id, parent_id), foreign key (org_id, parent_id) references parents);
create table links (org_id uuid not null, left_id int not null, right_id int not null, primary key (org_id, left_id, right_id), foreign key (org_id, left_id) references parents, foreign key (org_id, right_id) references parents, check (left_id <> right_id));
create table settings (org_id uuid primary key references orgs, theme text not null default 'dark');
create table bookings (org_id uuid not null references orgs, id uuid not null default gen_random_uuid(), room int not null, during tstzrange not null check (not isempty(during) and lower_inc(during)), primary key (org_id, id), exclude using gist (org_id with =, room with =, during with &&));
create table log (org_id uuid not null references orgs, id bigserial, at timestamptz not null, kind text not null, line text not null, primary key (org_id, at, kind, id)) partition by list (kind);
create table log_a partition of log for values in ('a', 'b') partition by range (at);
create table log_a_1 partition of log_a for values from ('2001-01-01') to ('2001-02-01');
create table log_c partition of log for values in ('c') partition by hash (id);
create table log_c_0 partition of log_c for values with (modulus 2, remainder 0);
create table log_c_1 partition of log_c for values with (modulus 2, remainder 1);
create table currencies (code char(3) primary key check (code ~ '^[A-Z]{3}$'), name text not null);
create table prices (org_id uuid not null references orgs, id int not null, currency char(3) not null references currencies, amount int not null, primary key (org_id, id));
create function no_odd() returns trigger language plpgsql as $$ begin if new.quantity % 2 = 1 then raise exception 'odd'; end if; if new.name = 'canary' then return null; end if; return new; end $$;
create table picky (org_id uuid not null references orgs, id int generated by default as identity, quantity int not null, name text not null, primary key (org_id, id));
create trigger no_odd before insert on picky for each row execute function no_odd();
create function needs_context() returns trigger language plpgsql as $$ begin if current_setting('app.org', true) is distinct from new.org_id::text then raise exception 'no context'; end if; return new; end $$;
create table contextual (org_id uuid not null default nullif(current_setting('app.org', true), '')::uuid references orgs, id int not null, body text not null, primary key (org_id, id));
create trigger needs_context before insert on contextual for each row execute function needs_context();
do $$
declare r record;
begin
  for r in select c.oid::regclass as t, exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id') as has from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') loop
    execute format('grant select, insert, update, delete on %s to app', r.t);
    execute format('alter table %s enable row level security, force row level security', r.t);
    if r.has then execute format('create policy p on %s using (org_id = nullif(current_setting(''app.org'', true), '''')::uuid)', r.t);
    elsif r.t::text = 'orgs' then execute format('create policy p on %s using (id = nullif(current_setting(''app.org'', true), '''')::uuid)', r.t);
    else execute format('create policy p on %s for select using (true)', r.t); end if;
  end loop;
end $$;
grant usage on all sequences in schema public to app;
