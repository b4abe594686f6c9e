package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"
)

// servers holds this process's servers by the version asked for, 0 for any.
var servers = struct {
	sync.Mutex
	m map[int]*pending
}{m: map[int]*pending{}}

// A pending server is started by the first test that wants it.
type pending struct {
	once   sync.Once
	server *Server
	err    error
}

// Main is for TestMain: it runs the tests, stops the servers that they started,
// and exits.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if err := stopAll(); err != nil {
		fmt.Fprintf(os.Stderr, "pgtest: stop the server: %v\n", err)
	}
	os.Exit(code)
}

func stopAll() error {
	servers.Lock()
	defer servers.Unlock()
	var errs []error
	for version, p := range servers.m {
		if p.server != nil {
			errs = append(errs, p.server.Stop())
		}
		delete(servers.m, version)
	}
	return errors.Join(errs...)
}

// New returns a fresh database for one test. It is dropped when the test
// passes, and kept, with its address in the test's log, when the test fails.
//
// Without a server the test is skipped, or fails where CI is set: a suite that
// skips what it should prove must not pass there.
func New(t testing.TB, cfg ...Config) *Database {
	t.Helper()
	var c Config
	switch len(cfg) {
	case 0:
	case 1:
		c = cfg[0]
	default:
		t.Fatal("pgtest.New takes one Config")
	}
	c, err := c.resolve()
	if err != nil {
		t.Fatal(err)
	}
	if c.own() {
		t.Fatal("pgtest.New shares its server (give Settings and OnDisk to pgtest.Start)")
	}
	server, err := shared(c)
	if err != nil {
		missing(t, err)
	}
	d, err := server.CreateDatabase(t.Context(), "", c)
	if err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	t.Cleanup(func() { d.dropOrKeep(t) })
	return d
}

// shared returns the process's server for the version, started on first use.
func shared(c Config) (*Server, error) {
	servers.Lock()
	p := servers.m[c.Version]
	if p == nil {
		p = &pending{}
		servers.m[c.Version] = p
	}
	servers.Unlock()
	p.once.Do(func() {
		// Not the test's context: the server outlives the test that starts it.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		p.server, p.err = Start(ctx, c)
	})
	return p.server, p.err
}

var once sync.Once

// missing ends a test that has no server.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(err)
		return
	}
	once.Do(func() { fmt.Fprintf(os.Stderr, "\npgtest: TESTS ARE SKIPPED: %v\n\n", err) })
	t.Skip(err)
}

func (d *Database) dropOrKeep(t testing.TB) {
	if t.Failed() {
		t.Logf("kept the test's database: %s", redacted(d.AdminURL))
		if err := d.server.keep(); err != nil {
			t.Logf("it will be gone when the process ends: %v", err)
		}
		return
	}
	if d.server.owned {
		// The next test need not wait for this, nor the end of the process: the
		// server goes, too. What cannot be dropped costs memory until then.
		go func() { _ = d.dropWithin(time.Minute) }()
		return
	}
	if err := d.dropWithin(time.Minute); err != nil {
		t.Logf("drop the test's database: %v", err)
	}
}

func (d *Database) dropWithin(limit time.Duration) error {
	// Not the test's context, which has ended.
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return d.Drop(ctx)
}

// redacted is the address without the password.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(unreadable URL)"
	}
	u.User = url.User(u.User.Username())
	query := u.Query()
	query.Del("password")
	u.RawQuery = query.Encode()
	return u.String()
}
