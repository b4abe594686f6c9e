-- name: CloseBooking :exec
update bookings set title = $2 where id = $1;
