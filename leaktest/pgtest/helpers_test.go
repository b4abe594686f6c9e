package pgtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// text returns the one value of a query as text.
func text(t testing.TB, pool *pgxpool.Pool, sql string) string {
	t.Helper()
	var got string
	// The simple protocol has the server write every type as text.
	err := pool.QueryRow(t.Context(), sql, pgx.QueryExecModeSimpleProtocol).Scan(&got)
	require.NoError(t, err)
	return got
}

func connect(t testing.TB, address string) (*pgx.Conn, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

// apart starts a server apart from the one that the other tests share, from the
// places given. Without installed programs the test has nothing to test.
func apart(t testing.TB, l lookup) *Server {
	t.Helper()
	server, attempts := l.start(t.Context(), Config{})
	if server == nil {
		missing(t, &NotFoundError{attempts: attempts})
	}
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

// create makes a database on the server, which may be one that stays.
func create(t testing.TB, s *Server, cfg Config) *Database {
	t.Helper()
	d, err := s.CreateDatabase(t.Context(), "", cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Drop(context.Background())) })
	return d
}

// envChild names the function that a copy of the test program runs instead of
// the tests.
const envChild = "WATERTIGHT_TEST_CHILD"

// children are what copies of the test program do.
var children = map[string]func(){}

func child() {
	name := os.Getenv(envChild)
	if name == "" {
		return
	}
	children[name]()
	os.Exit(0)
}

// self is a command that runs this test program again.
func self(t testing.TB, environment []string, arguments ...string) *exec.Cmd {
	t.Helper()
	file, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(file, arguments...)
	cmd.Env = append(os.Environ(), environment...)
	return cmd
}

// output runs the command and returns what it wrote, and whether it succeeded.
func output(t testing.TB, cmd *exec.Cmd) (string, bool) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), err == nil
}

// eventually waits for something that another process does.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// after returns what follows the mark on its line.
func after(t testing.TB, out, mark string) string {
	t.Helper()
	_, rest, ok := strings.Cut(out, mark)
	if !ok {
		t.Fatalf("no %q in:\n%s", mark, out)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
