-- name: ListInvoices :many
select * from invoices where tenant_id = $1;
