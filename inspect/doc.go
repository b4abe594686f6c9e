// Package inspect looks for ways out of a tenant in the catalogue of a live
// database: roles that policies do not hold for, policies that are wider than
// the tenant, keys that cross tenants, grants that no policy limits, views and
// functions that read as somebody else.
//
//	conn, err := pgx.Connect(ctx, url)
//	report, err := inspect.Check(ctx, conn, inspect.Config{AppRole: "app"})
//	for _, f := range report.Findings {
//		fmt.Println(f.Severity, f.Message, f.Fix)
//	}
//
// It works on any schema, not only Watertight's: any name and type of tenant
// column, any setting, several schemas. What Config leaves open it finds out,
// and the report says what it assumed.
//
// # Safe on production
//
// Check runs in one READ ONLY, REPEATABLE READ transaction with short timeouts.
// It reads pg_catalog, never a user's table, and takes no lock that a statement
// of the application would wait for. Any role can run it; what a role may not
// read, the report lists as not seen.
//
// # What a finding means
//
// An error is a way in which the application's role, as the catalogue stands,
// reaches, changes or learns of another tenant's data. A table on which it has
// no right is no error, whatever its policies. A warning takes one more mistake,
// or a decision that cannot be made from the catalogue; a function in a policy
// is one, and package leaktest then tries.
//
// # How policies are judged
//
// A policy's expression is read as the server's own parse tree, so that names,
// operators and casts are what they are, not what they look like. It is pinned
// to the tenant when it implies that the tenant column equals, by the server's
// equality, an expression that depends on the session and not on the row. AND
// is as good as its best part, OR as bad as its worst; policies of a command
// are combined as PostgreSQL combines them for each role that the application
// can act as, and each command, and both sides of UPDATE, are judged apart.
//
// # Rules
//
// One folder of rules is one rule: rule.sql finds the fault, doc.md explains it,
// bad.sql has it, fixed.sql mends bad.sql and ok.sql never had it. The id is the
// beginning of the folder's name and is never reused. Rules read the catalogue
// and the facts that prelude.sql describes.
//
// # Limits
//
// Functions that are written in plpgsql, or in SQL as a string, are read as
// text: which tables they name and what they compare is then a well-founded
// guess. What no catalogue shows, such as SET without LOCAL on a pooled
// connection, is found by package leaktest only.
package inspect
