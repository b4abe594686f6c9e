-- name: ListBookings :many
select * from bookings where tenant_id = sqlc.arg(tenant_id);
