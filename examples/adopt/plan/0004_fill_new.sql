-- +goose NO TRANSACTION
-- +watertight schema 05c83771ee7517ab
-- Fill the column in rows that are written from now on.
--
-- The application as it is does not know the column. A trigger gives each row that it writes
-- the tenant that the row belongs to already, and keeps the two the same.

-- +goose Up
alter table public.organizations alter column tenant_id set default gen_random_uuid();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.addresses_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.addresses for each row execute function watertight_adopt."fill public.addresses_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.categories_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.categories for each row execute function watertight_adopt."fill public.categories_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.comments_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.comments for each row execute function watertight_adopt."fill public.comments_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.coupons_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.coupons for each row execute function watertight_adopt."fill public.coupons_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.customers_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.customers for each row execute function watertight_adopt."fill public.customers_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.invoices_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.invoices for each row execute function watertight_adopt."fill public.invoices_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.orders_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.orders for each row execute function watertight_adopt."fill public.orders_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.page_views_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.page_views for each row execute function watertight_adopt."fill public.page_views_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.payments_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.payments for each row execute function watertight_adopt."fill public.payments_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.products_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.products for each row execute function watertight_adopt."fill public.products_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.stock_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.stock for each row execute function watertight_adopt."fill public.stock_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.teams_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.teams for each row execute function watertight_adopt."fill public.teams_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.users_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.users for each row execute function watertight_adopt."fill public.users_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.warehouses_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.organization_id is not distinct from old.organization_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.organizations p where p.id = t.organization_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.warehouses for each row execute function watertight_adopt."fill public.warehouses_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.order_items_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.order_id is not distinct from old.order_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.orders p where p.id = t.order_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.order_items for each row execute function watertight_adopt."fill public.order_items_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.order_log_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.order_id is not distinct from old.order_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.orders p where p.id = t.order_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.order_log for each row execute function watertight_adopt."fill public.order_log_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.product_images_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.product_id is not distinct from old.product_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.products p where p.id = t.product_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.product_images for each row execute function watertight_adopt."fill public.product_images_t"();
-- +goose StatementBegin
create or replace function watertight_adopt."fill public.team_members_t"() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $fill$
declare
  owner uuid;
begin
  if tg_op = 'UPDATE' then
    if new.tenant_id is distinct from old.tenant_id or (new.tenant_id is not null and new.team_id is not distinct from old.team_id) then
      return new;
    end if;
  elsif new.tenant_id is not null then
    return new;
  end if;
  select (select p.tenant_id from public.teams p where p.id = t.team_id) into owner from (select new.*) t;
  new.tenant_id := coalesce(owner, new.tenant_id);
  return new;
end $fill$;
-- +goose StatementEnd
create trigger zz_watertight_adopt before insert or update on public.team_members for each row execute function watertight_adopt."fill public.team_members_t"();

-- +goose Down
alter table public.organizations alter column tenant_id drop default;
drop trigger if exists zz_watertight_adopt on public.addresses;
drop function if exists watertight_adopt."fill public.addresses_t"();
drop trigger if exists zz_watertight_adopt on public.categories;
drop function if exists watertight_adopt."fill public.categories_t"();
drop trigger if exists zz_watertight_adopt on public.comments;
drop function if exists watertight_adopt."fill public.comments_t"();
drop trigger if exists zz_watertight_adopt on public.coupons;
drop function if exists watertight_adopt."fill public.coupons_t"();
drop trigger if exists zz_watertight_adopt on public.customers;
drop function if exists watertight_adopt."fill public.customers_t"();
drop trigger if exists zz_watertight_adopt on public.invoices;
drop function if exists watertight_adopt."fill public.invoices_t"();
drop trigger if exists zz_watertight_adopt on public.orders;
drop function if exists watertight_adopt."fill public.orders_t"();
drop trigger if exists zz_watertight_adopt on public.page_views;
drop function if exists watertight_adopt."fill public.page_views_t"();
drop trigger if exists zz_watertight_adopt on public.payments;
drop function if exists watertight_adopt."fill public.payments_t"();
drop trigger if exists zz_watertight_adopt on public.products;
drop function if exists watertight_adopt."fill public.products_t"();
drop trigger if exists zz_watertight_adopt on public.stock;
drop function if exists watertight_adopt."fill public.stock_t"();
drop trigger if exists zz_watertight_adopt on public.teams;
drop function if exists watertight_adopt."fill public.teams_t"();
drop trigger if exists zz_watertight_adopt on public.users;
drop function if exists watertight_adopt."fill public.users_t"();
drop trigger if exists zz_watertight_adopt on public.warehouses;
drop function if exists watertight_adopt."fill public.warehouses_t"();
drop trigger if exists zz_watertight_adopt on public.order_items;
drop function if exists watertight_adopt."fill public.order_items_t"();
drop trigger if exists zz_watertight_adopt on public.order_log;
drop function if exists watertight_adopt."fill public.order_log_t"();
drop trigger if exists zz_watertight_adopt on public.product_images;
drop function if exists watertight_adopt."fill public.product_images_t"();
drop trigger if exists zz_watertight_adopt on public.team_members;
drop function if exists watertight_adopt."fill public.team_members_t"();
