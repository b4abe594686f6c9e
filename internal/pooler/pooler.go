// Package pooler puts PgBouncer in front of a test's database, for tests of
// what holds behind one.
package pooler

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/internal/needs"
)

// The modes of PgBouncer: how long a client keeps a server connection.
const (
	Session     = "session"
	Transaction = "transaction"
	Statement   = "statement"
)

// A Pooler is a PgBouncer of one test's own, on a socket in a folder.
type Pooler struct {
	folder    string
	passwords map[string]string
}

// port is part of the socket's name; nothing listens on the network.
const port = "6432"

// Start starts PgBouncer in a mode, in front of the server of dsns, for their
// users and every database there. Settings are lines of its ini file, after
// those that are needed here. It is stopped when the test ends.
//
// Without PgBouncer the test is skipped, or fails where CI is set.
func Start(t testing.TB, mode string, dsns []string, settings ...string) *Pooler {
	t.Helper()
	program := needs.Program(t, "pgbouncer", "apt-get install pgbouncer")
	folder, err := os.MkdirTemp("", "wt-pooler")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	p := &Pooler{folder: folder, passwords: map[string]string{}}
	ini := p.configure(t, mode, dsns, settings)

	// The shell ends PgBouncer when its input does: at the end of the test, or of
	// a test program that was killed.
	cmd := exec.Command("/bin/sh", "-c", `"$0" -q "$1" & read -r _; kill $!; wait`, program, ini)
	cmd.SysProcAttr = unprivileged(t, folder)
	cmd.Stderr = os.Stderr
	open, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = open.Close()
		_ = cmd.Wait()
	})
	p.wait(t)
	return p
}

func (p *Pooler) configure(t testing.TB, mode string, dsns, settings []string) (ini string) {
	t.Helper()
	var server *pgx.ConnConfig
	var users strings.Builder
	for _, dsn := range dsns {
		config, err := pgx.ParseConfig(dsn)
		must(t, err)
		server = config
		if config.Password == "" {
			config.Password = "pooler" // PgBouncer wants one; a server that trusts us does not look
		}
		p.passwords[config.User] = config.Password
		fmt.Fprintf(&users, "%q %q\n", config.User, config.Password)
	}
	lines := append([]string{
		"[databases]",
		fmt.Sprintf("* = host=%s port=%d", server.Host, server.Port),
		"[pgbouncer]",
		"pool_mode = " + mode,
		"unix_socket_dir = " + p.folder,
		"listen_port = " + port,
		"auth_type = plain",
		"auth_file = " + filepath.Join(p.folder, "users"),
	}, settings...)
	ini = filepath.Join(p.folder, "pgbouncer.ini")
	must(t, os.WriteFile(filepath.Join(p.folder, "users"), []byte(users.String()), 0o600))
	must(t, os.WriteFile(ini, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return ini
}

func (p *Pooler) wait(t testing.TB) {
	t.Helper()
	socket := filepath.Join(p.folder, ".s.PGSQL."+port)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("unix", socket)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("pgbouncer does not answer: %v", err)
		}
	}
}

// URL is the address of dsn's database for dsn's user, through the pooler.
func (p *Pooler) URL(t testing.TB, dsn string) string {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	must(t, err)
	u := url.URL{Scheme: "postgres", User: url.UserPassword(config.User, p.passwords[config.User]), Path: "/" + config.Database}
	u.RawQuery = url.Values{"host": {p.folder}, "port": {port}}.Encode()
	return u.String()
}

// unprivileged makes root run the pooler as somebody else, which it insists on.
func unprivileged(t testing.TB, folder string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres") // as the server is run, whose socket it opens
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	must(t, err)
	uid, err := strconv.Atoi(u.Uid)
	must(t, err)
	gid, err := strconv.Atoi(u.Gid)
	must(t, err)
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	must(t, err)
	for _, f := range append(files, folder) {
		must(t, os.Chown(f, uid, gid))
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}} //nolint:gosec // ids fit
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("start a pooler: %v", err)
	}
}
