-- name: CreateBookings :exec
insert into bookings (tenant_id, id, title) values ($1, $2, $3), ($4, $5, $6);
