-- name: ListBookings :many
select * from bookings where tenant_id = sqlc.narg(tenant_id);
