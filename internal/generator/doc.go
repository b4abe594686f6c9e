// Package generator turns query files into Go: it runs sqlc with the plugin of
// Watertight on its PATH. It is what "watertight generate" does.
//
// sqlc run by hand gives the same files. What this package adds:
//
//   - the version of sqlc is fixed ([SqlcVersion]), because another version
//     writes other bytes, and sends the plugin another request;
//   - the configuration is read first, and refused where it would generate code
//     that compiles without a tenant ([Config]);
//   - a generated file whose query file is gone is removed, since nothing checks
//     its queries any more; "sqlc diff" does not see such a file;
//   - sqlc writes into a temporary folder. A failing run changes nothing, and
//     [Check] compares the result with what is there, byte by byte.
//
// # Finding sqlc
//
// In this order: the program the caller names; a tool of the module in the
// folder tools of the configuration's folder or of one above it; a tool of the
// module around it; sqlc on the PATH; and the one in the user's cache, which
// the go command builds once. Candidates of another version are passed over.
//
// # Limits
//
// The configuration is sqlc's version 2 (sqlc.yaml, sqlc.yml, or sqlc.json).
// Blocks of it that have no plugin of Watertight are generated as sqlc does,
// and named in [Result.Unsealed]: their queries are not checked.
package generator
