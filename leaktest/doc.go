// Package leaktest attacks a database as one tenant that wants another's rows,
// and reports what came through.
//
// A test of ten lines holds a team's own schema to it:
//
//	func TestTenantsAreApart(t *testing.T) {
//		leaktest.Run(t, leaktest.Config{
//			URL:           os.Getenv("DATABASE_URL"), // an administrator of a database for tests
//			AppRole:       "app",
//			TenantSetting: "app.tenant_id",
//		})
//	}
//
// [Check] does the same outside of a test, as "watertight attack" does.
//
// # What it does
//
// It copies the database (CREATE DATABASE … TEMPLATE), reads the catalogue of
// the copy, and fills every table that holds rows of tenants: with rows for two
// tenants to attack each other, for a third that repeats the first one's
// natural values, and for some whose identifiers resemble the first one's. Then
// it acts as the application's role inside the first tenant and tries to read,
// change, delete, move and refer to the rows of the others, by every statement
// and through every key, view, function and partition.
//
// # What counts
//
// Before each attack the same is done to the tenant's own rows, the control: a
// suite that reaches nothing proves nothing. After each attack the
// administrator compares a fingerprint of every foreign row that the
// transaction wrote near. Only SQLSTATE 42501, or no row, is a refusal. Any
// other error is a failed test of the suite's own: it is reported as not
// proved, and never counts as a pass. So does a table that could not be filled.
//
// # What it leaves behind
//
// Nothing: the copy is dropped, also after an interrupt, and every attack is
// rolled back. A copy that a killed run left is dropped by the next run. Where
// a copy is not possible, because others are connected or the role lacks
// CREATEDB, everything runs in the database itself in one transaction that is
// rolled back; only sequences then have moved on. The report says which it was.
//
// # Limits
//
// It sees what SQL can show: not timing, memory, files, caches or logs. A
// trigger that leaks only for values nobody would guess is not found. Values
// that cannot be invented are named, with the column, and given by Config.Seed.
package leaktest
