-- name: CountBookings :one
-- watertight:cross-tenant
select count(*) from bookings;
