package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// settings make the server quick and careless: nothing in it outlives the test
// run, so nothing waits for a disk.
var settings = []string{
	"fsync=off", "synchronous_commit=off", "full_page_writes=off",
	"max_connections=200", "shared_buffers=64MB", onlyLoopback,
	// Not in /dev/shm, where a killed server's segments would stay for ever.
	"dynamic_shared_memory_type=mmap",
	"timezone=UTC", "log_timezone=UTC", "lc_messages=C",
}

const onlyLoopback = "listen_addresses=127.0.0.1"

// A local is a server process of ours and its folder.
type local struct {
	home     *home
	bin      string
	from     place
	port     int
	process  *process
	watchdog io.Closer
	settings []string
	cached   bool // the cluster came from the cache
}

// startLocal makes a cluster in the home with the programs in bin, and starts
// it. The place is where the programs came from, if they were copied.
func startLocal(ctx context.Context, cfg Config, h *home, bin string, from place) (*Server, error) {
	l := &local{home: h, bin: bin, from: from, settings: cfg.settings(), watchdog: watch(h)}
	err := l.boot(ctx)
	if err != nil && l.cached && ctx.Err() == nil {
		err = errors.Join(l.forgetCluster(), l.boot(ctx))
	}
	if err != nil {
		return nil, errors.Join(err, l.remove())
	}
	return l.serve(ctx)
}

// serve connects to the running server.
func (l *local) serve(ctx context.Context) (*Server, error) {
	server, err := newServer(ctx, l.url())
	if err != nil {
		return nil, errors.Join(err, l.stop())
	}
	server.owned = true
	server.local = l
	server.halt = l.stop
	server.keep = l.home.keep
	server.source = fmt.Sprintf("PostgreSQL %s from %s, run as %s, data in %s", server.fullVersion, l.from.dir, l.home.as, l.home.dir)
	return server, nil
}

// boot starts the server in the cluster, made first unless it is there.
func (l *local) boot(ctx context.Context) error {
	if _, err := os.Stat(l.home.data()); err != nil {
		if err := l.initCluster(ctx); err != nil {
			return err
		}
	}
	return l.start(ctx)
}

// url is the administrator's. Only the socket trusts its callers, and its
// folder is closed to other users of the machine.
func (l *local) url() *url.URL {
	query := url.Values{"host": {l.home.socket()}, "port": {strconv.Itoa(l.port)}}
	return &url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: query.Encode()}
}

// start runs the server on a port that is only probably free: somebody may take
// it between our look and the server's start.
func (l *local) start(ctx context.Context) (err error) {
	for range 3 {
		if l.port, err = freePort(); err != nil {
			return err
		}
		if err = l.run(ctx); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// run runs the server and returns when it takes connections.
func (l *local) run(ctx context.Context) error {
	args := []string{"-D", l.home.data(), "-k", l.home.socket(), "-p", strconv.Itoa(l.port)}
	for _, setting := range l.settings {
		args = append(args, "-c", setting)
	}
	log, err := os.Create(l.home.log())
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(l.bin, program("postgres")), args...)
	cmd.Stdout, cmd.Stderr = log, log
	prepare(cmd, l.home.dir, l.home.as)
	if l.process, err = spawn(cmd); err != nil {
		return err
	}
	if err := l.await(ctx); err != nil {
		text, _ := os.ReadFile(l.home.log())
		l.end(immediate)
		return fmt.Errorf("%w: %s", err, lastLines(string(text), 5))
	}
	return nil
}

// await returns when the server takes connections.
func (l *local) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var last error
	for {
		conn, err := pgx.Connect(ctx, l.url().String())
		if err == nil {
			return conn.Close(ctx)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-l.process.exited:
			return errors.New("postgres ended while starting")
		case <-ctx.Done():
			return fmt.Errorf("postgres takes no connections: %w", last)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// end stops the process, harder if it does not listen.
func (l *local) end(signal syscall.Signal) {
	for _, s := range []syscall.Signal{signal, immediate, syscall.SIGKILL} {
		_ = l.process.cmd.Process.Signal(s) // it may have ended already
		select {
		case <-l.process.exited:
			return
		case <-time.After(10 * time.Second):
		}
	}
}

// remove ends the watchdog and clears up.
func (l *local) remove() error {
	return errors.Join(l.watchdog.Close(), l.home.remove())
}

// stop ends the server. The folder goes too, unless a test failed.
func (l *local) stop() error {
	if !l.home.kept() {
		l.end(immediate)
		return l.remove()
	}
	l.end(fast) // a checkpoint, so that the folder can be looked at
	l.home.release()
	fmt.Fprintf(os.Stderr, "pgtest: kept the databases of failed tests; to look at them:\n  %s\n", l.restart())
	return l.watchdog.Close()
}

// restart is the command that serves a kept folder again.
func (l *local) restart() string {
	return restartLine(l.home.as, []string{
		filepath.Join(l.bin, program("postgres")), "-D", l.home.data(), "-k", l.home.socket(),
		"-p", strconv.Itoa(l.port), "-c", "listen_addresses=",
	})
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
