-- name: CloseBooking :exec
update bookings set title = $2 where tenant_id = $3 and id = $1;
