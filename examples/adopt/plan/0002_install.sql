-- +goose NO TRANSACTION
-- +watertight schema 05c83771ee7517ab
-- Install Watertight.
--
-- Roles, the signed context, protect(). Another tool than watertight adopt apply
-- needs watertight migrate before this file.

-- +goose Up
-- +watertight migrate up
select 'watertight.protected_table'::regclass;

-- +goose Down
revoke select on pg_catalog.pg_largeobject_metadata from pg_monitor, watertight_migrator;
grant select on pg_catalog.pg_largeobject_metadata to public;
-- +watertight migrate down
drop schema if exists watertight cascade;
