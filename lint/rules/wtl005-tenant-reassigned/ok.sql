-- name: TouchBooking :exec
update bookings b set title = b.tenant_id::text where tenant_id = $1;
