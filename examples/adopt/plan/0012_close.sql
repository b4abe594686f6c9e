-- +goose NO TRANSACTION
-- +watertight schema 05c83771ee7517ab
-- +watertight contract
-- Close the old way.
--
-- The roles of before lose the tables. No policy lets them see a row any more in any case.

-- +goose Up
select watertight_adopt.save_table(12, 'public.addresses');
select watertight_adopt.close_table('public.addresses');
select watertight_adopt.save_table(12, 'public.categories');
select watertight_adopt.close_table('public.categories');
select watertight_adopt.save_table(12, 'public.comments');
select watertight_adopt.close_table('public.comments');
select watertight_adopt.save_table(12, 'public.countries');
select watertight_adopt.close_table('public.countries');
select watertight_adopt.save_table(12, 'public.coupons');
select watertight_adopt.close_table('public.coupons');
select watertight_adopt.save_table(12, 'public.customers');
select watertight_adopt.close_table('public.customers');
select watertight_adopt.save_table(12, 'public.invoices');
select watertight_adopt.close_table('public.invoices');
select watertight_adopt.save_table(12, 'public.order_items');
select watertight_adopt.close_table('public.order_items');
select watertight_adopt.save_table(12, 'public.order_log');
select watertight_adopt.close_table('public.order_log');
select watertight_adopt.save_table(12, 'public.orders');
select watertight_adopt.close_table('public.orders');
select watertight_adopt.save_table(12, 'public.organizations');
select watertight_adopt.close_table('public.organizations');
select watertight_adopt.save_table(12, 'public.page_views');
select watertight_adopt.close_table('public.page_views');
select watertight_adopt.save_table(12, 'public.payments');
select watertight_adopt.close_table('public.payments');
select watertight_adopt.save_table(12, 'public.product_images');
select watertight_adopt.close_table('public.product_images');
select watertight_adopt.save_table(12, 'public.products');
select watertight_adopt.close_table('public.products');
select watertight_adopt.save_table(12, 'public.stock');
select watertight_adopt.close_table('public.stock');
select watertight_adopt.save_table(12, 'public.team_members');
select watertight_adopt.close_table('public.team_members');
select watertight_adopt.save_table(12, 'public.teams');
select watertight_adopt.close_table('public.teams');
select watertight_adopt.save_table(12, 'public.users');
select watertight_adopt.close_table('public.users');
select watertight_adopt.save_table(12, 'public.warehouses');
select watertight_adopt.close_table('public.warehouses');
select watertight_adopt.save_table(12, 'public.open_orders');
select watertight_adopt.close_table('public.open_orders');

-- +goose Down
select watertight_adopt.restore(12);
