// Package lint proves, from the text of SQL queries alone, that each of them
// stays within one tenant.
//
// It is a type checker for tenant scope. A table with a tenant column belongs
// to tenants; a query may read and change the rows of one tenant only, and that
// tenant is a parameter. The rule is asked of every occurrence of every tenant
// table, wherever it stands, and what the analysis does not understand is a
// finding, never a pass.
//
// # Use
//
// The usual path is the command, or the sqlc plugin, which refuses to generate
// code for a query that is not proved:
//
//	watertight lint --schema schema/migrations --queries query
//	watertight lint -c sqlc.yaml
//
// As a library:
//
//	schema, err := lint.ReadSchema([]string{"schema/migrations"})
//	files, err := lint.ReadQueries([]string{"query"})
//	report, err := lint.Check(schema, files, lint.Options{})
//	for _, f := range report.Findings {
//		fmt.Println(f) // query/bookings.sql:12:6: WTL001: …
//	}
//
// The tenant column is tenant_id unless [Options] or watertight.yaml name it.
// The table that tenant columns refer to, the table of the tenants themselves,
// is pinned by its key. Every other table is shared by all tenants.
//
// # What pinned means
//
// An occurrence is pinned when each row of it that can reach the result, or be
// changed, or decide what the result is, has the tenant parameter in its tenant
// column. A conjunct tenant_id = $1 pins, and so does a chain of equalities to a
// pinned occurrence, through inner joins, USING, row comparisons, EXISTS and IN,
// correlated subqueries, common table expressions and views. Outer joins, OR,
// NOT, set operations, recursion, LATERAL, aggregates, windows and LIMIT mean
// what they mean in PostgreSQL: ON of a left join pins the right side only, a
// filter outside of a LIMIT pins nothing inside, every arm of a UNION needs its
// own condition. INSERT must write the parameter, the target of ON CONFLICT must
// contain the tenant column, and UPDATE must not set it.
//
// The claim is noninterference: what a query does for one tenant is the same
// whatever rows other tenants have. The tests hold it against a real server, for
// a labelled corpus and for every mutant of it, and against the planner.
//
// # Waivers
//
// A query that is meant to see several tenants says so, with the reason:
//
//	-- name: CountBookings :one
//	-- watertight:cross-tenant the operator's dashboard counts all bookings
//	SELECT count(*) FROM bookings;
//
// Waived queries are counted and listed. A waiver without a reason, or one that
// is no longer needed, is a finding.
//
// # Roles
//
// A query says who may run it, below its name; a file may say so for the
// queries of it that do not, above its first one:
//
//	-- watertight:default-roles any
//
//	-- name: CancelBooking :execrows
//	-- watertight:roles owner admin
//	DELETE FROM bookings WHERE tenant_id = $1 AND id = $2;
//
// The plugin of sqlc turns that into a table that the handle enforces. A line
// that cannot be read, stands elsewhere, or names a role that nobody has is a
// finding.
//
// # Rules
//
// Each rule has a folder in rules with its page and examples; [Rules] returns
// them, and watertight explain prints them. An id is never given to another
// rule.
//
// # Limits
//
// The proof is about the text of queries and the schema of the migrations.
// Triggers, the actions of foreign keys, and what a unique key tells by an error
// are not in the text; package inspect looks for them in the catalogue. SQL that
// is put together in Go is not read; lint/goanalysis looks for it. Functions are
// known by name to compute only, or their body is read; operators and casts that
// a schema defines itself are taken at their word, except that an operator =
// makes no equality count.
package lint
