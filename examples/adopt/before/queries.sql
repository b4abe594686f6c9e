-- The queries of the shop as they were. Some name the organization, most trust
-- that whoever has an id may have the row.

-- name: ListOrders :many
select id, state, placed_on from orders where customer_id = $1 order by id;

-- name: GetInvoice :one
select i.id, i.number, i.total, c.name from invoices i
join orders o on o.id = i.order_id
join customers c on c.id = o.customer_id
where i.id = $1;

-- name: FindProduct :one
select id, title, price from products where sku = $1 and archived_at is null;

-- name: CreateOrder :one
insert into orders (organization_id, customer_id, created_by, state) values ($1, $2, $3, 'placed') returning id;

-- name: AddItem :exec
insert into order_items (order_id, product_id, quantity, price) values ($1, $2, $3, $4);

-- name: Restock :exec
insert into stock (warehouse_code, product_id, organization_id, quantity) values ($1, $2, $3, $4)
on conflict (warehouse_code, product_id) do update set quantity = stock.quantity + excluded.quantity;

-- name: RenameCustomer :exec
update customers set name = $2 where id = $1;

-- name: JoinTeam :exec
insert into team_members (team_id, user_id) values ($1, $2) on conflict do nothing;

-- name: View :exec
insert into page_views (organization_id, path, at) values ($1, $2, $3);

-- name: DeleteComment :exec
delete from comments where id = $1;
