-- +goose Up
-- The application's role may know which migrations its database has, so that
-- watertight doctor can say that some are missing. The table itself stays closed.

-- +goose StatementBegin
create function watertight.applied_migrations() returns setof bigint
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select version_id from watertight.migration where is_applied
$$;
-- +goose StatementEnd
comment on function watertight.applied_migrations() is 'The versions of the migrations that the database has.';
grant select on watertight.migration to watertight_owner;
alter function watertight.applied_migrations() owner to watertight_owner;
revoke all on function watertight.applied_migrations() from public;
grant execute on function watertight.applied_migrations() to
  watertight_app, watertight_system, watertight_support, watertight_migrator;

-- +goose Down
drop function watertight.applied_migrations();
revoke select on watertight.migration from watertight_owner;
