-- name: CancelBooking :execrows
-- watertight:roles owner admn
delete from bookings where tenant_id = $1 and id = $2;
