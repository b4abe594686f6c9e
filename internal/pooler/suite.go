package pooler

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/tenancy"
)

// Variable names the mode in which the suites run behind a pooler, and is
// usually not set: see .ci/run pooler.
const Variable = "WATERTIGHT_POOLER"

// rough makes a client meet another server connection with each transaction.
var rough = []string{"default_pool_size = 8", "server_round_robin = 1", "max_client_conn = 1000"}

// Route puts a pooler in front of the addresses of a suite's world, if the
// suites are to run behind one, and skips the test if it is on the list.
func Route(t testing.TB, suite string, urls ...*string) {
	t.Helper()
	Skip(t, suite)
	mode := os.Getenv(Variable)
	switch mode {
	case "":
		return
	case Session, Transaction:
	default:
		t.Fatalf("%s is %q (set it to %s or %s)", Variable, mode, Session, Transaction)
	}
	dsns := make([]string, len(urls))
	for i, u := range urls {
		dsns[i] = *u
	}
	p := Start(t, mode, dsns, rough...)
	t.Log("behind PgBouncer") // counted by the step pooler of .ci/run
	for _, u := range urls {
		*u = p.URL(t, *u)
		if mode == Transaction {
			Spread(t, *u, 3)
		}
	}
}

// Skip ends a test that is on the list, if the suites run behind a pooler in a
// mode that the list names. Route does it for whole tests, parts of one ask
// themselves.
func Skip(t testing.TB, suite string) {
	t.Helper()
	mode := os.Getenv(Variable)
	if e, ok := apart[suite][t.Name()]; ok && mode != "" && (e.mode == "" || e.mode == mode) {
		t.Skipf("NOT BEHIND A POOLER: %s: %s", t.Name(), e.why)
	}
}

// Spread has the pooler make n connections to the server, so that a client does
// not meet one and the same by chance.
func Spread(t testing.TB, url string, n int) {
	t.Helper()
	for range n {
		conn, err := pgx.Connect(t.Context(), url)
		must(t, err)
		tx, err := conn.Begin(t.Context()) // and holds it until all have theirs
		must(t, err)
		defer func() {
			must(t, tx.Rollback(t.Context()))
			must(t, conn.Close(t.Context()))
		}()
	}
}

// Binding is the one that a suite's contexts have: the default, or what works
// behind the pooler.
func Binding() tenancy.Binding {
	if os.Getenv(Variable) == Transaction {
		return tenancy.BindNone
	}
	return tenancy.BindSession
}
