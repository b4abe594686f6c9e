-- name: ListBookings :many
select * from bookings where;
