-- name: ListBookings :many
select upper(title), now() from bookings where tenant_id = $1;
