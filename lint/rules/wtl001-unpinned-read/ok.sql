-- name: CustomersWithBooking :many
select c.id from customers c
where c.tenant_id = $1
  and (c.tenant_id, c.id) in (select tenant_id, customer_id from bookings);
