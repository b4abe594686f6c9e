package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// durable are the settings of a server whose crashes mean something: what it
// acknowledged is there after them. They come after the careless ones.
var durable = []string{"fsync=on", "synchronous_commit=on", "full_page_writes=on"}

// A Breakable is a server of one test's own, for tests of what happens when a
// server breaks: it can be killed, started again, and followed by a standby.
// Nobody else's tests notice.
type Breakable struct {
	*Server
	local *local
}

// NewBreakable starts a server from programs on this machine, whatever
// DATABASE_URL says, and stops it when the test ends. Unlike other servers of
// tests it loses nothing that it acknowledged.
func NewBreakable(t testing.TB, cfg Config) *Breakable {
	t.Helper()
	cfg, err := cfg.resolve()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Settings = slices.Concat(durable, cfg.Settings)
	server, attempts := fromInstalled(t.Context(), cfg)
	if server == nil {
		missing(t, &NotFoundError{cfg: cfg, attempts: attempts})
	}
	b := &Breakable{Server: server, local: server.local}
	t.Cleanup(func() { b.clear(t) })
	return b
}

func (b *Breakable) clear(t testing.TB) {
	if t.Failed() {
		if text, err := os.ReadFile(b.local.home.log()); err == nil {
			t.Logf("the server's last words: %s", lastLines(string(text), 15))
		}
	}
	if err := b.Stop(); err != nil {
		t.Errorf("stop the server: %v", err)
	}
}

// NewDatabase is [New] on this server. The database goes with the server.
func (b *Breakable) NewDatabase(t testing.TB, cfg Config) *Database {
	t.Helper()
	d, err := b.CreateDatabase(t.Context(), "", cfg)
	if err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	return d
}

// Kill ends every process of the server at once, as a machine that loses its
// power does: kill -9.
func (b *Breakable) Kill(t testing.TB) {
	t.Helper()
	if err := killTree(b.local.process.cmd.Process.Pid); err != nil {
		t.Fatalf("kill the server: %v", err)
	}
	<-b.local.process.exited
}

// Shutdown stops the server in order: sessions are told, data are written.
func (b *Breakable) Shutdown() { b.local.end(fast) }

// Restart starts the server again where it was, and returns when it takes
// connections, which after a Kill is after its recovery.
func (b *Breakable) Restart(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := b.local.run(ctx); err != nil {
		t.Fatalf("start the server again: %v", err)
	}
	b.admin.Reset()
}

// Pause stops every process of the server without ending it, as a machine does
// that hangs; the function returned lets them go on.
func (b *Breakable) Pause(t testing.TB) (resume func()) {
	t.Helper()
	resume, err := pauseTree(b.local.process.cmd.Process.Pid)
	if err != nil {
		t.Fatalf("pause the server: %v", err)
	}
	t.Cleanup(resume)
	return resume
}

// Give hands a file or folder to the user that the server runs as.
func (b *Breakable) Give(t testing.TB, path string) {
	t.Helper()
	if err := give(path, b.local.home.as); err != nil {
		t.Fatalf("hand %s to the server: %v", path, err)
	}
}

// Standby starts a server that follows this one by streaming replication. To be
// copied, this one is shut down and started again.
func (b *Breakable) Standby(t testing.TB) *Breakable {
	t.Helper()
	follower, err := b.follow(t.Context())
	if err != nil {
		t.Fatalf("start a standby: %v", err)
	}
	t.Cleanup(func() { follower.clear(t) })
	b.admin.Reset()
	return follower
}

func (b *Breakable) follow(ctx context.Context) (*Breakable, error) {
	home, err := newHome(bases(), b.local.home.as)
	if err != nil {
		return nil, err
	}
	l := &local{home: home, bin: b.local.bin, from: b.local.from, settings: b.local.settings, watchdog: watch(home)}
	b.Shutdown()
	err = b.local.copyTo(home)
	if err == nil {
		err = b.local.run(ctx)
	}
	if err == nil {
		err = l.boot(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.remove())
	}
	server, err := l.serve(ctx)
	if err != nil {
		return nil, err
	}
	server.run, server.password, server.rolesReady = b.Server.run, b.password, true
	return &Breakable{Server: server, local: l}, nil
}

// copyTo makes the home a copy of this stopped server that follows it.
func (l *local) copyTo(to *home) error {
	if err := os.WriteFile(filepath.Join(l.home.data(), "pg_hba.conf"), []byte("local replication all trust\n"+hba), 0o600); err != nil {
		return err
	}
	if err := give(filepath.Join(l.home.data(), "pg_hba.conf"), l.home.as); err != nil {
		return err
	}
	if err := copyPrivate(to.data(), l.home.data(), to.as); err != nil {
		return err
	}
	lead := fmt.Sprintf("primary_conninfo = 'host=%s port=%d user=postgres'\n", l.home.socket(), l.port)
	for name, text := range map[string]string{"standby.signal": "", "postgresql.auto.conf": lead} {
		path := filepath.Join(to.data(), name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), give(path, to.as)); err != nil {
			return err
		}
	}
	return nil
}

// Promote makes a standby a primary, and returns when it takes writes.
func (b *Breakable) Promote(t testing.TB) {
	t.Helper()
	var done bool
	err := b.admin.QueryRow(t.Context(), "select pg_promote(wait => true, wait_seconds => 60)").Scan(&done)
	if err == nil && !done {
		err = errors.New("it is still a standby after a minute")
	}
	if err != nil {
		t.Fatalf("promote the standby: %v", err)
	}
}

// On returns the database of the same name on another server, such as a
// standby of the one that it is on.
func (d *Database) On(b *Breakable) *Database {
	return &Database{
		Name: d.Name, Key: d.Key, server: b.Server, AdminURL: b.adminURL(d.Name), MigratorURL: b.roleURL(migratorRole, d.Name),
		AppURL: b.roleURL(appRole, d.Name), SystemURL: b.roleURL(systemRole, d.Name),
	}
}
