-- name: ListBookings :many
select * from bookings where tenant_id = $1;
