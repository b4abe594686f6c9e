// Package catalog reads what a live database says about itself: relations and
// their columns, keys, policies, triggers and rules; functions; roles and what
// they may do. It also answers the first question of every check, which tables
// belong to tenants and by which column.
//
// Packages inspect and leaktest share it. inspect judges what is read here;
// leaktest needs types, defaults and keys to make rows of its own.
//
//	cat, err := catalog.Read(ctx, tx, catalog.Options{})
//	tenancy, err := cat.Tenancy(nil) // nil: find the tenant column
//	for _, r := range tenancy.Tables {
//		fmt.Println(r.Name(), tenancy.Column(r).Name)
//	}
//
// Read runs a fixed number of queries, however many tables there are. It reads
// pg_catalog only, takes no lock on a user's table, and works for any role: the
// catalogues it reads are readable by everyone. It reads in the caller's
// transaction, so that everything is of one moment when that transaction is
// REPEATABLE READ.
//
// Expressions (of policies, views, checks, defaults, indexes and SQL-standard
// function bodies) come as the parse trees that the server itself stores, not
// as text: names in them are resolved, so no search_path, alias or spelling can
// make an expression look like another. See [Node].
package catalog
