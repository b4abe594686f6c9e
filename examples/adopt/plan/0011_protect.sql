-- +goose NO TRANSACTION
-- +watertight schema 05c83771ee7517ab
-- +watertight contract
-- Protect the tables.
--
-- Row-level security, policies, grants, the audit log. Tenants that appeared since are registered
-- under a key that holds already, so none is missed.

-- +goose Up
alter table public.organizations add constraint organizations_watertight_fkey foreign key (tenant_id) references watertight.tenants (id) not valid;
insert into watertight.tenants (id, name)
select r.tenant_id, coalesce(nullif(left(r.name::text, 200), ''), r.tenant_id::text) from public.organizations r
where not exists (select from watertight.tenants t where t.id = r.tenant_id);
alter table public.organizations validate constraint organizations_watertight_fkey;
select watertight_adopt.save_schema(11, 'public');
select watertight_adopt.save_table(11, 'public.addresses');
drop trigger zz_watertight_adopt on public.addresses;
select watertight.protect('public.addresses', 'tenant_id');
select watertight_adopt.save_table(11, 'public.categories');
drop trigger zz_watertight_adopt on public.categories;
select watertight.protect('public.categories', 'tenant_id');
select watertight_adopt.save_table(11, 'public.comments');
drop trigger zz_watertight_adopt on public.comments;
select watertight.protect('public.comments', 'tenant_id');
select watertight_adopt.save_table(11, 'public.countries');
select watertight.share('public.countries');
select watertight_adopt.save_table(11, 'public.coupons');
drop trigger zz_watertight_adopt on public.coupons;
select watertight.protect('public.coupons', 'tenant_id');
select watertight_adopt.save_table(11, 'public.customers');
drop trigger zz_watertight_adopt on public.customers;
select watertight.protect('public.customers', 'tenant_id');
select watertight_adopt.save_table(11, 'public.invoices');
drop trigger zz_watertight_adopt on public.invoices;
select watertight.protect('public.invoices', 'tenant_id');
select watertight_adopt.save_table(11, 'public.order_items');
drop trigger zz_watertight_adopt on public.order_items;
select watertight.protect('public.order_items', 'tenant_id');
select watertight_adopt.save_table(11, 'public.order_log');
alter function watertight_adopt."fill public.order_log_t"() security invoker;
select watertight.protect('public.order_log', 'tenant_id');
select watertight_adopt.save_table(11, 'public.orders');
drop trigger zz_watertight_adopt on public.orders;
select watertight.protect('public.orders', 'tenant_id');
select watertight_adopt.save_table(11, 'public.organizations');
alter table public.organizations alter column tenant_id drop default;
select watertight.protect('public.organizations', 'tenant_id');
select watertight_adopt.save_table(11, 'public.page_views');
drop trigger zz_watertight_adopt on public.page_views;
select watertight.protect('public.page_views', 'tenant_id');
select watertight_adopt.save_table(11, 'public.payments');
drop trigger zz_watertight_adopt on public.payments;
select watertight.protect('public.payments', 'tenant_id');
select watertight_adopt.save_table(11, 'public.product_images');
drop trigger zz_watertight_adopt on public.product_images;
select watertight.protect('public.product_images', 'tenant_id');
select watertight_adopt.save_table(11, 'public.products');
drop trigger zz_watertight_adopt on public.products;
select watertight.protect('public.products', 'tenant_id');
select watertight_adopt.save_table(11, 'public.stock');
drop trigger zz_watertight_adopt on public.stock;
select watertight.protect('public.stock', 'tenant_id');
select watertight_adopt.save_table(11, 'public.team_members');
drop trigger zz_watertight_adopt on public.team_members;
select watertight.protect('public.team_members', 'tenant_id');
select watertight_adopt.save_table(11, 'public.teams');
drop trigger zz_watertight_adopt on public.teams;
select watertight.protect('public.teams', 'tenant_id');
select watertight_adopt.save_table(11, 'public.users');
drop trigger zz_watertight_adopt on public.users;
select watertight.protect('public.users', 'tenant_id');
select watertight_adopt.save_table(11, 'public.warehouses');
drop trigger zz_watertight_adopt on public.warehouses;
select watertight.protect('public.warehouses', 'tenant_id');

-- +goose Down
drop trigger if exists zz_watertight_adopt on public.addresses;
create trigger zz_watertight_adopt before insert or update on public.addresses for each row execute function watertight_adopt."fill public.addresses_t"();
select watertight_adopt.unprotect('public.addresses');
drop trigger if exists zz_watertight_adopt on public.categories;
create trigger zz_watertight_adopt before insert or update on public.categories for each row execute function watertight_adopt."fill public.categories_t"();
select watertight_adopt.unprotect('public.categories');
drop trigger if exists zz_watertight_adopt on public.comments;
create trigger zz_watertight_adopt before insert or update on public.comments for each row execute function watertight_adopt."fill public.comments_t"();
select watertight_adopt.unprotect('public.comments');
select watertight_adopt.unprotect('public.countries');
drop trigger if exists zz_watertight_adopt on public.coupons;
create trigger zz_watertight_adopt before insert or update on public.coupons for each row execute function watertight_adopt."fill public.coupons_t"();
select watertight_adopt.unprotect('public.coupons');
drop trigger if exists zz_watertight_adopt on public.customers;
create trigger zz_watertight_adopt before insert or update on public.customers for each row execute function watertight_adopt."fill public.customers_t"();
select watertight_adopt.unprotect('public.customers');
drop trigger if exists zz_watertight_adopt on public.invoices;
create trigger zz_watertight_adopt before insert or update on public.invoices for each row execute function watertight_adopt."fill public.invoices_t"();
select watertight_adopt.unprotect('public.invoices');
drop trigger if exists zz_watertight_adopt on public.order_items;
create trigger zz_watertight_adopt before insert or update on public.order_items for each row execute function watertight_adopt."fill public.order_items_t"();
select watertight_adopt.unprotect('public.order_items');
alter function watertight_adopt."fill public.order_log_t"() security definer;
select watertight_adopt.unprotect('public.order_log');
drop trigger if exists zz_watertight_adopt on public.orders;
create trigger zz_watertight_adopt before insert or update on public.orders for each row execute function watertight_adopt."fill public.orders_t"();
select watertight_adopt.unprotect('public.orders');
alter table public.organizations alter column tenant_id set default gen_random_uuid();
select watertight_adopt.unprotect('public.organizations');
drop trigger if exists zz_watertight_adopt on public.page_views;
create trigger zz_watertight_adopt before insert or update on public.page_views for each row execute function watertight_adopt."fill public.page_views_t"();
select watertight_adopt.unprotect('public.page_views');
drop trigger if exists zz_watertight_adopt on public.payments;
create trigger zz_watertight_adopt before insert or update on public.payments for each row execute function watertight_adopt."fill public.payments_t"();
select watertight_adopt.unprotect('public.payments');
drop trigger if exists zz_watertight_adopt on public.product_images;
create trigger zz_watertight_adopt before insert or update on public.product_images for each row execute function watertight_adopt."fill public.product_images_t"();
select watertight_adopt.unprotect('public.product_images');
drop trigger if exists zz_watertight_adopt on public.products;
create trigger zz_watertight_adopt before insert or update on public.products for each row execute function watertight_adopt."fill public.products_t"();
select watertight_adopt.unprotect('public.products');
drop trigger if exists zz_watertight_adopt on public.stock;
create trigger zz_watertight_adopt before insert or update on public.stock for each row execute function watertight_adopt."fill public.stock_t"();
select watertight_adopt.unprotect('public.stock');
drop trigger if exists zz_watertight_adopt on public.team_members;
create trigger zz_watertight_adopt before insert or update on public.team_members for each row execute function watertight_adopt."fill public.team_members_t"();
select watertight_adopt.unprotect('public.team_members');
drop trigger if exists zz_watertight_adopt on public.teams;
create trigger zz_watertight_adopt before insert or update on public.teams for each row execute function watertight_adopt."fill public.teams_t"();
select watertight_adopt.unprotect('public.teams');
drop trigger if exists zz_watertight_adopt on public.users;
create trigger zz_watertight_adopt before insert or update on public.users for each row execute function watertight_adopt."fill public.users_t"();
select watertight_adopt.unprotect('public.users');
drop trigger if exists zz_watertight_adopt on public.warehouses;
create trigger zz_watertight_adopt before insert or update on public.warehouses for each row execute function watertight_adopt."fill public.warehouses_t"();
select watertight_adopt.unprotect('public.warehouses');
select watertight_adopt.restore(11);
alter table public.organizations drop constraint if exists organizations_watertight_fkey;
