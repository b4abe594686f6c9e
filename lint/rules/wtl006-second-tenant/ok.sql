-- name: Pairs :many
select b.id, c.id from bookings b join customers c using (tenant_id) where tenant_id = $1;
