-- name: CountBookings :one
-- watertight:cross-tenant the operator's dashboard counts all bookings
select count(*) from bookings;
