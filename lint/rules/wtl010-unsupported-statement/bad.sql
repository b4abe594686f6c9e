-- name: Clear :exec
truncate bookings;
