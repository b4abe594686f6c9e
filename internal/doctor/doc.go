// Package doctor looks at a set-up of Watertight, the project's files and the
// application's database, and says what is wrong with it, why that matters, and
// the command that mends it. It changes nothing.
//
// What other packages know it asks them: package generator reads sqlc.yaml and
// compares the generated code, [tenancy.Open] judges the role and the schema,
// package inspect the catalogue, package schema knows the migrations. What
// remains are facts of a connection, in server.sql.
package doctor
