-- +goose Up
-- Grants of support access stand in no export: a copy that was taken before a
-- revocation must not undo it, and the person may be unknown where it is put
-- back. What was granted stands in the log that goes with the tenant.
select watertight.not_exported('watertight.support_grants', 'whom a tenant let in is let in again where it goes');

-- +goose Down
delete from watertight.export_exclusion where relid = 'watertight.support_grants'::regclass;
