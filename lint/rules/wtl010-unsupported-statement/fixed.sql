-- name: Clear :exec
delete from bookings where tenant_id = $1;
