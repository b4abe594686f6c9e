-- name: RenameBooking :exec
update bookings set title = $3 where tenant_id = $1 and id = $2;
