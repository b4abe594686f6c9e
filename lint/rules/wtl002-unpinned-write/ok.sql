-- name: RenameBookings :exec
update bookings b set title = c.name
from customers c
where b.tenant_id = $1 and c.tenant_id = b.tenant_id and c.id = b.customer_id;
