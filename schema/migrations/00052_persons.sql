-- +goose Up
-- Where a person's data are, beyond what foreign keys to watertight.users say:
-- columns of a team's own that hold an account's id or an e-mail address, and
-- what becomes of the row when that person is to be forgotten.

create table watertight.person_columns (
  relid       regclass not null,
  column_name name not null,
  kind        text not null check (kind in ('user', 'email')),
  on_erase    text not null check (on_erase in ('delete', 'clear', 'keep')),
  primary key (relid, column_name)
);
comment on table watertight.person_columns is
  'Columns that hold an account''s id or an e-mail address, and what an erasure of that person does with the row: delete it, clear the column, or keep it.';
create policy lifecycle on watertight.person_columns for select to watertight_lifecycle using (true);
select watertight.share('watertight.person_columns');
grant insert, update, delete on watertight.person_columns to watertight_migrator;
grant select on watertight.person_columns to watertight_lifecycle;

-- +goose StatementBegin
create function watertight.person_column(rel regclass, col name, kind text, on_erase text) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from pg_attribute where attrelid = rel and attname = col and attnum > 0 and not attisdropped) then
    raise exception '% has no column %', rel, quote_ident(col) using errcode = '42703';
  end if;
  insert into watertight.person_columns values (rel, col, kind, on_erase)
    on conflict (relid, column_name) do update set kind = excluded.kind, on_erase = excluded.on_erase;
end $$;
-- +goose StatementEnd
comment on function watertight.person_column(regclass, name, text, text) is
  'Says that a column holds an account''s id (user) or an e-mail address (email), and what an erasure of the person does: delete the row, clear the column, or keep it.';
alter function watertight.person_column(regclass, name, text, text) owner to watertight_owner;
revoke all on function watertight.person_column(regclass, name, text, text) from public;
grant execute on function watertight.person_column(regclass, name, text, text) to watertight_migrator;

-- +goose StatementBegin
create function watertight.audit_is_sealed(p_epoch smallint, p_xid xid8) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select (p_epoch, p_xid) < (s.epoch, s.hwm) from watertight.audit_sealer s;
end;
-- +goose StatementEnd
comment on function watertight.audit_is_sealed(smallint, xid8) is
  'Whether the sealer has come past an event, so that it can be redacted.';
alter function watertight.audit_is_sealed(smallint, xid8) owner to watertight_audit;
revoke all on function watertight.audit_is_sealed(smallint, xid8) from public;
grant execute on function watertight.audit_is_sealed(smallint, xid8) to watertight_lifecycle, watertight_privacy;

-- +goose Down
drop function watertight.audit_is_sealed(smallint, xid8);
drop function watertight.person_column(regclass, name, text, text);
delete from watertight.protected_table where relid = 'watertight.person_columns'::regclass;
drop table watertight.person_columns;
