-- +goose NO TRANSACTION
-- +watertight schema 05c83771ee7517ab
-- Let the new version in.
--
-- The tenants are registered, and watertight_app gets what the new version needs. From here on
-- both versions work side by side. Row-level security is not on yet: the new version stays with
-- its tenant by its clauses, the old one as well as it did before.

-- +goose Up
insert into watertight.tenants (id, name)
select r.tenant_id, coalesce(nullif(left(r.name::text, 200), ''), r.tenant_id::text) from public.organizations r
where not exists (select from watertight.tenants t where t.id = r.tenant_id);
grant usage on schema public to watertight_app, watertight_system;
select watertight_adopt.open_table(8, 'public.addresses');
select watertight_adopt.open_table(8, 'public.categories');
select watertight_adopt.open_table(8, 'public.comments');
select watertight_adopt.save_table(8, 'public.countries');
grant select on table public.countries to watertight_app, watertight_system;
select watertight_adopt.open_table(8, 'public.coupons');
select watertight_adopt.open_table(8, 'public.customers');
select watertight_adopt.open_table(8, 'public.invoices');
select watertight_adopt.save_table(8, 'public.invoice_numbers');
grant usage on sequence public.invoice_numbers to watertight_app, watertight_system;
select watertight_adopt.open_table(8, 'public.order_items');
select watertight_adopt.open_table(8, 'public.order_log');
select watertight_adopt.open_table(8, 'public.orders');
select watertight_adopt.open_table(8, 'public.organizations');
select watertight_adopt.open_table(8, 'public.page_views');
select watertight_adopt.open_table(8, 'public.payments');
select watertight_adopt.open_table(8, 'public.product_images');
select watertight_adopt.open_table(8, 'public.products');
select watertight_adopt.open_table(8, 'public.stock');
select watertight_adopt.open_table(8, 'public.team_members');
select watertight_adopt.open_table(8, 'public.teams');
select watertight_adopt.open_table(8, 'public.users');
select watertight_adopt.open_table(8, 'public.warehouses');
select watertight_adopt.save_table(8, 'public.open_orders');
grant select on table public.open_orders to watertight_app, watertight_system;
alter routine public.log_order() set search_path = public, pg_temp;
alter routine public.revenue(bigint) set search_path = public, pg_temp;
alter routine public.touch() set search_path = public, pg_temp;

-- +goose Down
alter routine public.log_order() reset search_path;
alter routine public.revenue(bigint) reset search_path;
alter routine public.touch() reset search_path;
select watertight_adopt.restore(8);
revoke usage on schema public from watertight_app, watertight_system;
delete from watertight.tenants t using public.organizations r where r.tenant_id = t.id;
