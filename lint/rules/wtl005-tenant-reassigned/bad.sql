-- name: MoveBooking :exec
update bookings set tenant_id = $3 where tenant_id = $1 and id = $2;
