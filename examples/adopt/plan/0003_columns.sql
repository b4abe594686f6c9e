-- +goose NO TRANSACTION
-- +watertight schema 05c83771ee7517ab
-- Add the tenant's column.
--
-- A column without a default changes the catalogue only: no row is rewritten.

-- +goose Up
alter table public.organizations add column tenant_id uuid;
alter table public.addresses add column tenant_id uuid;
alter table public.categories add column tenant_id uuid;
alter table public.comments add column tenant_id uuid;
alter table public.coupons add column tenant_id uuid;
alter table public.customers add column tenant_id uuid;
alter table public.invoices add column tenant_id uuid;
alter table public.orders add column tenant_id uuid;
alter table public.page_views add column tenant_id uuid;
alter table public.payments add column tenant_id uuid;
alter table public.products add column tenant_id uuid;
alter table public.stock add column tenant_id uuid;
alter table public.teams add column tenant_id uuid;
alter table public.users add column tenant_id uuid;
alter table public.warehouses add column tenant_id uuid;
alter table public.order_items add column tenant_id uuid;
alter table public.order_log add column tenant_id uuid;
alter table public.product_images add column tenant_id uuid;
alter table public.team_members add column tenant_id uuid;

-- +goose Down
alter table public.organizations drop column if exists tenant_id;
alter table public.addresses drop column if exists tenant_id;
alter table public.categories drop column if exists tenant_id;
alter table public.comments drop column if exists tenant_id;
alter table public.coupons drop column if exists tenant_id;
alter table public.customers drop column if exists tenant_id;
alter table public.invoices drop column if exists tenant_id;
alter table public.orders drop column if exists tenant_id;
alter table public.page_views drop column if exists tenant_id;
alter table public.payments drop column if exists tenant_id;
alter table public.products drop column if exists tenant_id;
alter table public.stock drop column if exists tenant_id;
alter table public.teams drop column if exists tenant_id;
alter table public.users drop column if exists tenant_id;
alter table public.warehouses drop column if exists tenant_id;
alter table public.order_items drop column if exists tenant_id;
alter table public.order_log drop column if exists tenant_id;
alter table public.product_images drop column if exists tenant_id;
alter table public.team_members drop column if exists tenant_id;
