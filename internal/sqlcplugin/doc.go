// Package sqlcplugin is the sqlc plugin of Watertight: a gate in front of
// sqlc's Go generator, and the author of one file, db.go.
//
// sqlc's own db.go declares DBTX as an interface of pgx methods, so that a
// *pgxpool.Pool fits and every query can run outside a tenant. The plugin
// writes another db.go into the same package, in which DBTX is the sealed
// handle of package tenancy:
//
//	type DBTX = *tenancy.Conn
//
// A pool, a transaction, or a connection passed to New then does not compile.
//
// # Usual path
//
// sqlc.yaml names the plugin beside sqlc's generator, and hides sqlc's db.go
// from the Go toolchain, which ignores files whose name begins with "_":
//
//	plugins:
//	  - name: watertight
//	    process: {cmd: sqlc-gen-watertight, format: json}
//	sql:
//	  - schema: schema/migrations
//	    queries: query
//	    engine: postgresql
//	    gen:
//	      go: {package: query, out: query, sql_package: pgx/v5,
//	           query_parameter_limit: 32, output_db_file_name: _db.go}
//	    codegen:
//	      - {plugin: watertight, out: query}
//
// Options of the plugin (codegen[].options), all optional:
//
//	package  Go package of db.go. Defaults to the last element of out.
//	handle   tenant or crosstenant. Defaults to tenant.
//	tenancy  import path of package tenancy. Defaults to Watertight's.
//	roles    the team's own roles, for watertight:roles comments.
//	default_roles
//	         any or a list: who may run a query without such a comment. Must be
//	         stated, there or at the top of the file, once one query has one.
//
// An option that is not in the list is an error, not ignored: a misspelt
// option must not leave a package with the wrong handle.
//
// # Queries across tenants
//
// A query that is meant to see several tenants says so in a comment:
//
//	-- name: CountTenants :one
//	-- watertight:cross-tenant billing counts the tenants of a region
//
// sqlc gives all queries of a package one DBTX, so such queries live in a sql
// block of their own, with the option handle: crosstenant. There DBTX is
// *crosstenant.Conn, which runs as another role, wants a reason, and leaves a
// trace. The plugin refuses a waived query in a tenant package and a query
// without a waiver in a crosstenant package.
//
// # Roles
//
// A query says who may run it in a comment below its name:
//
//	-- name: CancelBooking :execrows
//	-- watertight:roles owner admin
//
// The plugin writes all of them as a table into db.go, keyed by the constants
// of sqlc that hold the texts, so a query that is renamed does not compile
// until its table is generated anew.
//
// # Protocol
//
// sqlc starts the plugin with "/plugin.CodegenService/Generate" as its only
// argument, writes a JSON request to standard input, and reads a JSON answer
// from standard output. Standard error reaches the user only when the exit
// code is not zero, and then sqlc writes no file at all, neither ours nor its
// own. Keys are the names of sqlc's protos/plugin/codegen.proto; fields of the
// Go types that are absent there are left out because nothing needs them.
//
// # Limits
//
// The request has neither line numbers nor keys, views, or function bodies;
// [Request.Locate] finds the line by reading the query files. "sqlc vet" runs
// no plugins. A :copyfrom query carries no SQL text, so its name is unknown at
// run time; the handle sees the table and the columns.
package sqlcplugin
