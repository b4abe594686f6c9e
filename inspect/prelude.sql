-- What every rule can read beside the catalogue: facts that were worked out
-- before the rules run, from the expressions and from what each role may do.
-- A rule returns severity, object, table, message and fix.
with
input as materialized (select $1::jsonb as f),
-- the tenancy: the application's role, the settings that most policies read
config as (
  select c.* from input, jsonb_to_record(f -> 'config') as c(app text, app_oid oid, canon text[], names text[], version int, citus boolean, cluster boolean)),
-- the roles that the application can act as; the first is its own
identity as (
  select i.* from input, jsonb_to_recordset(f -> 'identities') as i(oid oid, name text, via text, self boolean)),
-- tables with a tenant column, and the tables of tenants (directory)
tenant_table as (
  select t.* from input, jsonb_to_recordset(f -> 'tables') as t(relid oid, name text, attnum int2, col text, directory boolean, reached boolean, fills text)),
-- what each identity may do with each relation; rights on single columns count
access as (
  select a.* from input, jsonb_to_recordset(f -> 'access') as a(relid oid, role oid, role_name text,
    sel boolean, ins boolean, upd boolean, del boolean, trunc boolean, refs boolean, trig boolean, ins_cols int2[], upd_cols int2[])),
-- relations that an identity writes; rows of tenants or not, triggers run
written as (
  select a.relid, a.relid::regclass::text as name from access a where a.ins or a.upd or a.del group by a.relid),
-- how far policies limit each identity in each table, by command: closed,
-- pinned, lookup, opaque, null, loose, open
verdict as (
  select v.* from input, jsonb_to_recordset(f -> 'verdicts') as v(relid oid, role oid, role_name text, command text,
    level text, class text, reason text, policies text, allowed boolean, widened boolean)),
-- the settings that policies compare the tenant column with
context as (
  select c.* from input, jsonb_to_recordset(f -> 'contexts') as c(relid oid, policy text, clause text, setting text, canon boolean)),
-- tables that policies read and that an identity may write
lookup as (
  select l.* from input, jsonb_to_recordset(f -> 'lookups') as l(relid oid, lookup oid, role oid, role_name text, command text, level text, reason text, col text)),
-- functions that policies call
policy_call as (
  select c.* from input, jsonb_to_recordset(f -> 'calls') as c(relid oid, function oid, "row" boolean)),
-- views that read a tenant table past the policies of whoever reads the view
view_read as (
  select v.* from input, jsonb_to_recordset(f -> 'views') as v(view oid, relid oid, as_role text, level text, reason text, filter boolean, barrier boolean, through text)),
-- materialized views and the tenant tables that they hold copies of
copied as (
  select c.* from input, jsonb_to_recordset(f -> 'copies') as c(relid oid, "of" oid)),
-- functions: see the fields of routine in routine.go
routine as (
  select r.* from input, jsonb_to_recordset(f -> 'routines') as r(oid oid, name text, vouched boolean, tbl text, power text, scoped boolean, argument boolean,
    dynamic boolean, unsafe boolean, caller text, path boolean, policy boolean, sets text, sets_to text, session boolean, "after" text, reads text, shadow boolean, new_row boolean, context boolean, bare boolean)),
-- relations that functions name
mention as (
  select m.* from input, jsonb_to_recordset(f -> 'mentions') as m(function oid, relid oid, writes boolean)),
-- indexes of tenant tables, and whether the tenant is part of the key
tenant_index as (
  select i.* from input, jsonb_to_recordset(f -> 'indexes') as i(index oid, relid oid, tenant boolean, drawn boolean)),
-- foreign keys, and whether an identity's policies look up what they refer to
reference as (
  select r.* from input, jsonb_to_recordset(f -> 'refs') as r(con oid, role oid, checked boolean)),
-- the schemas that belong to the user
user_schema as (
  select n.oid, n.nspname::text as name, n.nspowner as owner from pg_catalog.pg_namespace n
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'),
-- those in which an identity may create objects
access_schema as (
  select s.oid from user_schema s where exists (
    select from identity i where pg_catalog.has_schema_privilege(i.oid, s.oid, 'CREATE'))),
-- policies with a key in them
secret as (
  select s.* from input, jsonb_to_recordset(f -> 'secrets') as s(relid oid, policy text)),
-- what Citus knows of tables: spread by a column (attnum), reference (a copy on
-- each node), schema (all of it on one node), local; and which stand together
distributed as (
  select d.* from input, jsonb_to_recordset(f -> 'distributed') as d(relid oid, kind text, attnum int2, colocation int))
