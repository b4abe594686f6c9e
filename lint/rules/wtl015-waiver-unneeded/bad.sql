-- name: CountBookings :one
-- watertight:cross-tenant the dashboard counts bookings
select count(*) from bookings where tenant_id = $1;
