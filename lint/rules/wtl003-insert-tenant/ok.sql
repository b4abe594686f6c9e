-- name: CopyCustomer :exec
insert into bookings (tenant_id, id, customer_id)
select tenant_id, $2, id from customers where tenant_id = $1;
