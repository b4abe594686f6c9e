-- name: UpdateCurrent :exec
update bookings set title = $1 where current of cur;
