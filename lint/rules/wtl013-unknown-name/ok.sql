-- name: ListBookings :many
with invoices as (select * from bookings where tenant_id = $1) select * from invoices;
