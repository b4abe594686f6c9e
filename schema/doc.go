// Package schema installs Watertight in a database: roles, the signed tenant
// context, the protection of tables, and the library's own tables.
//
//	report, err := schema.Migrate(ctx, adminURL, schema.Config{})
//	for _, l := range report.Limitations {
//		log.Printf("not done: %s; so %s", l.What, l.Consequence)
//	}
//
// Then, in the team's own migrations, run as watertight_migrator:
//
//	create schema app; -- nobody but a superuser may create in public any more
//	create table app.bookings (
//		tenant_id uuid not null,
//		id        uuid not null default gen_random_uuid(),
//		room      text not null,
//		primary key (tenant_id, id)
//	);
//	select watertight.protect('app.bookings');
//
// # Roles
//
//	watertight_owner     owns every table; nobody logs in as it
//	watertight_context   owns the context keys and what reads them; nobody logs in
//	watertight_migrator  runs migrations; BYPASSRLS, because a foreign key that a
//	                     forced owner adds is validated against no rows at all
//	watertight_app       the application: SELECT, INSERT, UPDATE, DELETE on
//	                     protected tables, and nothing else
//	watertight_system    package tenancy/crosstenant
//	watertight_support, watertight_sealer, watertight_privacy
//
// Log in as watertight_app, or as a role of your own that is a member of it
// (create role shop login in role watertight_app).
//
// # What it changes beyond its own schema
//
// PUBLIC loses TEMP and CONNECT on the database, CREATE and USAGE on schema
// public, and EXECUTE or SELECT on those catalog functions and views that
// show or touch other sessions; pg_monitor keeps the statistics. Two event
// triggers close new tables until they are protected and refuse to weaken
// protected ones. A role without superuser, as managed services give, may not
// do all of that: the migration goes on, and [Report.Limitations] says what
// was left out and what that costs.
//
// # Compatibility
//
// PostgreSQL 15 to 18. The migrations are in goose's format and can be run by
// goose; a released migration file never changes.
package schema
