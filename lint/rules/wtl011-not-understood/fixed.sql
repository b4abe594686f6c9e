-- name: UpdateOne :exec
update bookings set title = $1 where tenant_id = $2 and id = $3;
