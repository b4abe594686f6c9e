-- name: Pairs :many
select b.id, c.id from bookings b join customers c on c.id = b.customer_id
where b.tenant_id = $1 and c.tenant_id = $2;
