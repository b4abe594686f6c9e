-- +goose Up
-- A column of a protected table may get another type while sessions are open.
-- PL/pgSQL keeps the plan of an expression for the type that it saw first, and
-- the next change of a row failed with 42804. Made anew, also of the same text,
-- the table's audit trigger function is compiled anew in every session.

-- +goose StatementBegin
create or replace function watertight.audit_refresh() returns event_trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  p record;
begin
  for p in
    select distinct t.relid, t.tenant_column
    from pg_event_trigger_ddl_commands() d
    join watertight.protected_table t on t.relid = d.objid and t.kind = 'tenant'
    join pg_trigger g on g.tgrelid = t.relid and g.tgname = 'watertight_audit'
    where d.classid = 'pg_class'::regclass
      and exists (select from pg_attribute a where a.attrelid = t.relid and a.attname = t.tenant_column and not a.attisdropped)
  loop
    perform watertight.audit_generate(p.relid, p.tenant_column);
  end loop;
end $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function watertight.audit_refresh() returns event_trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  p record;
begin
  for p in
    select distinct t.relid, t.tenant_column
    from pg_event_trigger_ddl_commands() d
    join watertight.protected_table t on t.relid = d.objid and t.kind = 'tenant'
    join pg_trigger g on g.tgrelid = t.relid and g.tgname = 'watertight_audit'
    join pg_proc f on f.oid = g.tgfoid
    where d.classid = 'pg_class'::regclass
      and exists (select from pg_attribute a where a.attrelid = t.relid and a.attname = t.tenant_column and not a.attisdropped)
      and f.prosrc <> watertight.audit_source(t.relid, t.tenant_column)
  loop
    perform watertight.audit_generate(p.relid, p.tenant_column);
  end loop;
end $$;
-- +goose StatementEnd
