-- name: CountBookings :one
select count(*) from bookings where tenant_id = $1;
