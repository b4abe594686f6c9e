-- name: CommonValues :many
select attname, most_common_vals from pg_stats where tablename = 'bookings';
