// Package goanalysis looks at Go code for ways around what package lint proves
// of SQL files.
//
// The proof covers the queries that sqlc reads. A query that is put together in
// Go, or sent over a connection that no tenant was admitted to, is not among
// them. The analyzer reports
//
//   - raw: a method of a pgx or database/sql pool, connection or transaction
//     that sends SQL. Generated queries on a *tenancy.Conn do not need one.
//   - concatenation: SQL that is not a constant, wherever it is sent.
//   - imports of tenancy/unverified and tenancy/crosstenant outside of the
//     packages that may.
//
// It runs in go vet:
//
//	go install github.com/watertight-go/watertight/cmd/watertight-vet@latest
//	go vet -vettool=$(which watertight-vet) -watertight.allow=example.com/app/internal/migrate ./...
//
// The flag allow lists import paths, separated by commas, whose packages may do
// all of it; a path that ends in /... covers what is below it. Test files are
// not looked at: tests reach behind the fence on purpose.
//
// It is not a proof. A value of an interface type with a method Query hides the
// connection behind it; the sealed handle and row-level security are what holds
// there.
package goanalysis
