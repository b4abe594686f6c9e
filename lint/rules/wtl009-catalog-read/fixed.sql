-- name: Titles :many
select title, count(*) from bookings where tenant_id = $1 group by title;
