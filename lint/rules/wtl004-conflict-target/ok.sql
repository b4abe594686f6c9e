-- name: KeepBooking :exec
insert into bookings (tenant_id, id) values ($1, $2) on conflict do nothing;
