-- name: Values :many
values (1), (2);
