-- name: CancelBooking :execrows
-- watertight:roles owner admin
delete from bookings where tenant_id = $1 and id = $2;
