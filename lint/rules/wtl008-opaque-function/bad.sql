-- name: ListBookings :many
select * from bookings_of($1);
