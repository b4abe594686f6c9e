package tenancy

import _ "embed"

// The statements of the handle itself. Only enter and the transaction's frame
// go over the wire beside the caller's own.
const (
	// The second column is the echo, see echo.go.
	sqlEnter         = "select watertight.enter($1), $2::bigint"
	sqlChallenge     = "select watertight.challenge()"
	sqlBegin         = "begin"
	sqlBeginReadOnly = "begin read only"
	sqlCommit        = "commit"
	sqlRollback      = "rollback"
	sqlTenantIDs     = "select watertight.tenant_ids($1, $2)"
	sqlJobAdmitted   = "select watertight.job_admitted()"

	sqlSupportAdmitted  = "select watertight.support_admitted()"
	sqlSupportStatement = "select watertight.support_statement($1)"

	sqlBackend = "select pg_catalog.pg_backend_pid()"

	// sqlIdentity is asked once for each connection.
	sqlIdentity = `select pg_catalog.pg_backend_pid(), exists (
		select from pg_catalog.pg_roles
		where rolname in (session_user, current_user) and (rolsuper or rolbypassrls)), session_user::text, pg_catalog.current_setting('search_path')`

	// sqlIsCitus asks whether enter sets the context by SET LOCAL, which Citus
	// carries to its workers inside an explicit transaction only.
	sqlIsCitus = `select exists (
		select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
		where n.nspname = 'watertight' and p.proname = 'enter' and p.prosrc like '%set local watertight.context%')`

	// sqlColumnTypes is asked once for each table and list of columns of
	// CopyFrom: the type to send an array of, the type to cast to if that is
	// another, and whether unnest would flatten the values.
	sqlColumnTypes = `select a.attname,
			case when t.typtype = 'e' then 'text' else pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) end,
			case when t.typtype = 'e' then pg_catalog.format_type(t.oid, null) else '' end,
			t.typcategory = 'A'
		from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
		where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped and a.attname = any ($2::text[])`
)

//go:embed check.sql
var sqlCheck string
