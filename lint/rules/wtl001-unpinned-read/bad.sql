-- name: ListBookings :many
select b.id, b.title, c.name
from bookings b
join customers c on c.id = b.customer_id
where b.tenant_id = $1;
