-- name: UpsertCustomer :one
insert into customers (tenant_id, id, email) values ($1, $2, $3)
on conflict (tenant_id, email) do update set name = 'again'
returning *;
