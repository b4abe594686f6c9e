-- The same queries, each with its tenant. The keys are what they were.

-- name: ListOrders :many
select id, state, placed_on from public.orders where tenant_id = $1 and customer_id = $2 order by id;

-- name: GetInvoice :one
select i.id, i.number, i.total, c.name from public.invoices i
join public.orders o on o.tenant_id = i.tenant_id and o.id = i.order_id
join public.customers c on c.tenant_id = o.tenant_id and c.id = o.customer_id
where i.tenant_id = $1 and i.id = $2;

-- name: FindProduct :one
select id, title, price from public.products where tenant_id = $1 and sku = $2 and archived_at is null;

-- name: CreateOrder :one
insert into public.orders (tenant_id, organization_id, customer_id, created_by, state) values ($1, $2, $3, $4, 'placed') returning id;

-- name: AddItem :exec
insert into public.order_items (tenant_id, order_id, product_id, quantity, price) values ($1, $2, $3, $4, $5);

-- name: Restock :exec
insert into public.stock (tenant_id, warehouse_code, product_id, organization_id, quantity) values ($1, $2, $3, $4, $5)
on conflict (tenant_id, warehouse_code, product_id) do update set quantity = stock.quantity + excluded.quantity;

-- name: RenameCustomer :exec
update public.customers set name = $3 where tenant_id = $1 and id = $2;

-- name: JoinTeam :exec
insert into public.team_members (tenant_id, team_id, user_id) values ($1, $2, $3) on conflict (tenant_id, team_id, user_id) do nothing;

-- name: View :exec
insert into public.page_views (tenant_id, organization_id, path, at) values ($1, $2, $3, $4);

-- name: DeleteComment :exec
delete from public.comments where tenant_id = $1 and id = $2;
