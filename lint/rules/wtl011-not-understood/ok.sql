-- name: UpdateOne :exec
update only bookings set title = $1 where (tenant_id, id) = ($2, $3);
