-- name: CrosstenantEntered :exec
-- watertight:cross-tenant the record of a transaction that crosses tenants
select watertight.crosstenant_entered();
