-- name: ListBookings :many
select * from bookings
where tenant_id = @tenant_id and (title = sqlc.narg(title) or sqlc.narg(title) is null);
