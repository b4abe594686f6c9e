-- name: CreateBookings :exec
insert into bookings (tenant_id, id, title) values ($1, $2, $3), ($1, $4, $5);
