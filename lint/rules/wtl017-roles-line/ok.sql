-- watertight:default-roles any

-- name: GetBooking :one
select * from bookings where tenant_id = $1 and id = $2;
