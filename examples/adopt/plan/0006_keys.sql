-- +goose NO TRANSACTION
-- +watertight schema 05c83771ee7517ab
-- Build the keys with the tenant in front.
--
-- CREATE INDEX CONCURRENTLY: readers and writers go on. The old keys stay for now.

-- +goose Up
create unique index concurrently organizations_tenant_id_key on public.organizations using btree (tenant_id);
create unique index concurrently organizations_pkey_wt on public.organizations using btree (tenant_id, id);
create unique index concurrently organizations_slug_key_wt on public.organizations using btree (tenant_id, slug);
create unique index concurrently addresses_pkey_wt on public.addresses using btree (tenant_id, id);
create unique index concurrently categories_pkey_wt on public.categories using btree (tenant_id, id);
create unique index concurrently comments_pkey_wt on public.comments using btree (tenant_id, id);
create unique index concurrently coupons_pkey_wt on public.coupons using btree (tenant_id, id);
create unique index concurrently customers_organization_id_number_key_wt on public.customers using btree (tenant_id, organization_id, number);
create unique index concurrently customers_pkey_wt on public.customers using btree (tenant_id, id);
create unique index concurrently customers_vat_wt on public.customers using btree (tenant_id, vat_number);
create unique index concurrently invoices_order_id_key_wt on public.invoices using btree (tenant_id, order_id);
create unique index concurrently invoices_pkey_wt on public.invoices using btree (tenant_id, id);
create unique index concurrently orders_pkey_wt on public.orders using btree (tenant_id, id);
create unique index concurrently page_views_2024_pkey_wt on public.page_views_2024 using btree (tenant_id, id, at);
create unique index concurrently page_views_2025_pkey_wt on public.page_views_2025 using btree (tenant_id, id, at);
create unique index concurrently payments_pkey_wt on public.payments using btree (tenant_id, id);
create unique index concurrently payments_reference_key_wt on public.payments using btree (tenant_id, reference);
create unique index concurrently products_pkey_wt on public.products using btree (tenant_id, id);
create unique index concurrently products_sku_wt on public.products using btree (tenant_id, sku) WHERE (archived_at IS NULL);
create unique index concurrently stock_pkey_wt on public.stock using btree (tenant_id, warehouse_code, product_id);
create unique index concurrently teams_organization_id_name_key_wt on public.teams using btree (tenant_id, organization_id, name);
create unique index concurrently teams_pkey_wt on public.teams using btree (tenant_id, id);
create unique index concurrently users_email_wt on public.users using btree (tenant_id, lower(email));
create unique index concurrently users_pkey_wt on public.users using btree (tenant_id, id);
create unique index concurrently warehouses_code_key_wt on public.warehouses using btree (tenant_id, code);
create unique index concurrently warehouses_pkey_wt on public.warehouses using btree (tenant_id, id);
create unique index concurrently order_items_pkey_wt on public.order_items using btree (tenant_id, id);
create unique index concurrently order_log_pkey_wt on public.order_log using btree (tenant_id, id);
create unique index concurrently product_images_pkey_wt on public.product_images using btree (tenant_id, id);
create unique index concurrently product_images_product_id_position_key_wt on public.product_images using btree (tenant_id, product_id, "position");
create unique index concurrently team_members_pkey_wt on public.team_members using btree (tenant_id, team_id, user_id);

-- +goose Down
drop index concurrently if exists public.organizations_tenant_id_key;
drop index concurrently if exists public.organizations_pkey_wt;
drop index concurrently if exists public.organizations_slug_key_wt;
drop index concurrently if exists public.addresses_pkey_wt;
drop index concurrently if exists public.categories_pkey_wt;
drop index concurrently if exists public.comments_pkey_wt;
drop index concurrently if exists public.coupons_pkey_wt;
drop index concurrently if exists public.customers_organization_id_number_key_wt;
drop index concurrently if exists public.customers_pkey_wt;
drop index concurrently if exists public.customers_vat_wt;
drop index concurrently if exists public.invoices_order_id_key_wt;
drop index concurrently if exists public.invoices_pkey_wt;
drop index concurrently if exists public.orders_pkey_wt;
drop index concurrently if exists public.page_views_2024_pkey_wt;
drop index concurrently if exists public.page_views_2025_pkey_wt;
drop index concurrently if exists public.payments_pkey_wt;
drop index concurrently if exists public.payments_reference_key_wt;
drop index concurrently if exists public.products_pkey_wt;
drop index concurrently if exists public.products_sku_wt;
drop index concurrently if exists public.stock_pkey_wt;
drop index concurrently if exists public.teams_organization_id_name_key_wt;
drop index concurrently if exists public.teams_pkey_wt;
drop index concurrently if exists public.users_email_wt;
drop index concurrently if exists public.users_pkey_wt;
drop index concurrently if exists public.warehouses_code_key_wt;
drop index concurrently if exists public.warehouses_pkey_wt;
drop index concurrently if exists public.order_items_pkey_wt;
drop index concurrently if exists public.order_log_pkey_wt;
drop index concurrently if exists public.product_images_pkey_wt;
drop index concurrently if exists public.product_images_product_id_position_key_wt;
drop index concurrently if exists public.team_members_pkey_wt;
