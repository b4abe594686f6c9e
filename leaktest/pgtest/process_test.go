//go:build unix

package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// homeOf is the folder of a server that was started from programs.
func homeOf(t testing.TB, s *Server) *home {
	t.Helper()
	dir := filepath.Dir(s.base.Query().Get("host"))
	require.Contains(t, dir, homePrefix)
	return &home{dir: dir}
}

func gone(path string) bool {
	_, err := os.Stat(path)
	return os.IsNotExist(err)
}

func init() {
	children["serve"] = func() {
		s, attempts := defaultLookup().start(context.Background(), Config{})
		if s == nil {
			fmt.Println("NONE", attempts)
			return
		}
		dir := filepath.Dir(s.base.Query().Get("host"))
		fmt.Println("SERVING", dir, (&home{dir: dir}).serverPID())
		select {} // until somebody kills it
	}
}

// serveAndKill runs a child that starts a server, and kills the child as the
// out-of-memory killer would. It returns the server's folder and process.
func serveAndKill(t *testing.T, beforeKill func(h *home)) (h *home, pid int) {
	t.Helper()
	cmd := self(t, []string{envChild + "=serve"})
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	if strings.HasPrefix(line, "NONE") {
		missing(t, errors.New(line))
	}
	var dir string
	_, err = fmt.Sscanf(line, "SERVING %s %d", &dir, &pid)
	require.NoError(t, err, line)
	h = &home{dir: dir}
	require.True(t, serves(pid, dir), "the server runs")
	beforeKill(h)
	require.NoError(t, cmd.Process.Kill())
	_, _ = io.Copy(io.Discard, stdout)
	require.Error(t, cmd.Wait())
	return h, pid
}

func TestKilledProcessLeavesNothing(t *testing.T) {
	t.Parallel()
	h, pid := serveAndKill(t, func(*home) {})
	eventually(t, "the server ends", func() bool { return !serves(pid, h.dir) })
	eventually(t, "the folder goes", func() bool { return gone(h.dir) })
}

// The kernel ends the server also when the watchdog was killed as well. The
// folder is then for the next run to remove.
func TestKilledProcessAndWatchdog(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has parent-death signals")
	}
	h, pid := serveAndKill(t, func(h *home) { killWatchdog(t, h) })
	eventually(t, "the server ends", func() bool { return !serves(pid, h.dir) })
	require.False(t, gone(h.dir))
	base := []string{filepath.Dir(h.dir)}
	sweepHomes(base)
	require.False(t, gone(h.dir), "too young to be swept")
	age(t, h, 2*settleTime)
	sweepHomes(base)
	require.True(t, gone(h.dir))
}

// killWatchdog finds the watchdog by the folder in its arguments.
func killWatchdog(t *testing.T, h *home) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	killed := 0
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(line), "pgtest-watchdog\x00"+h.dir+"\x00") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			killed++
		}
	}
	require.Equal(t, 1, killed)
}

func age(t *testing.T, h *home, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	require.NoError(t, os.Chtimes(h.dir, then, then))
}

// A server that outlived its process all the same is ended by the sweep. Here
// the process only lets go of the lock, as if it had died.
func TestSweepEndsAnOrphan(t *testing.T) {
	t.Parallel()
	s := apart(t, defaultLookup()) // which is stopped in the end: stopping what is gone is no error
	h := homeOf(t, s)
	pid := h.serverPID()
	age(t, h, 2*settleTime)
	sweepHomes([]string{filepath.Dir(h.dir)})
	require.True(t, serves(pid, h.dir), "somebody holds the lock: the sweep leaves it alone")

	letGo(t, h)
	age(t, h, 2*settleTime)
	sweepHomes([]string{filepath.Dir(h.dir)})
	require.False(t, serves(pid, h.dir))
	require.True(t, gone(h.dir))
}

// letGo replaces the lock file, so that nobody holds the lock on it.
func letGo(t *testing.T, h *home) {
	t.Helper()
	file := filepath.Join(h.dir, "lock")
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
}

// Failed tests leave their databases, but not for ever and not without limit.
func TestSweepKeepsTheLastFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ages []time.Duration
		left []int
	}{
		{[]time.Duration{2 * time.Minute, 5 * time.Minute, 3 * time.Minute, 4 * time.Minute}, []int{0, 2, 3}},
		{[]time.Duration{keepHomesFor + time.Minute, time.Second}, []int{1}},
	} {
		base := t.TempDir()
		var homes []*home
		for i, old := range c.ages {
			h := &home{dir: filepath.Join(base, homePrefix+strconv.Itoa(i))}
			require.NoError(t, os.Mkdir(h.dir, 0o700))
			require.NoError(t, h.keep())
			require.NoError(t, os.WriteFile(filepath.Join(h.dir, "lock"), nil, 0o600))
			age(t, h, old)
			homes = append(homes, h)
		}
		sweepHomes([]string{base})
		var left []int
		for i, h := range homes {
			if !gone(h.dir) {
				left = append(left, i)
			}
		}
		require.Equal(t, c.left, left)
	}
}

// A process that is killed between making the folder and locking it.
func TestSweepWithoutALockFile(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	h := &home{dir: filepath.Join(base, homePrefix+"1")}
	require.NoError(t, os.Mkdir(h.dir, 0o700))
	sweepHomes([]string{base})
	require.False(t, gone(h.dir), "it may be about to be locked")
	age(t, h, 2*settleTime)
	sweepHomes([]string{base})
	require.True(t, gone(h.dir))
}

// TestChildFails fails on purpose, in a process that TestKeptOnFailure starts.
func TestChildFails(t *testing.T) {
	if os.Getenv("WATERTIGHT_TEST_FAIL") == "" {
		t.Skip("for TestKeptOnFailure")
	}
	d := New(t, Config{Empty: true})
	d.Exec(t, "create table evidence (what text); insert into evidence values ('the bug')")
	t.Error("on purpose")
}

func TestKeptOnFailure(t *testing.T) {
	t.Parallel()
	shared := New(t, Config{Empty: true}).Server()
	if !strings.HasPrefix(shared.base.Query().Get("host"), "/") {
		t.Skip("the databases of this server stay where they are")
	}
	out, ok := output(t, self(t, []string{"WATERTIGHT_TEST_FAIL=1"}, "-test.run=^TestChildFails$"))
	require.False(t, ok)
	address := after(t, out, "kept the test's database: ")
	require.NotContains(t, address, "password")
	restart := after(t, out, "to look at them:\n")

	// The folder is there, and what the output says serves it.
	dir := filepath.Dir(socketOf(t, address))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	cmd := exec.Command("/bin/sh", "-c", "exec "+restart)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		// The server is the child of the shell's su, and 0 would be ourselves.
		if pid := (&home{dir: dir}).serverPID(); pid != 0 {
			_ = syscall.Kill(pid, immediate)
		}
		_ = cmd.Wait()
	})
	var got string
	eventually(t, "the kept server starts", func() bool {
		conn, err := connect(t, address)
		if err != nil {
			return false
		}
		require.NoError(t, conn.QueryRow(t.Context(), "select what from evidence").Scan(&got))
		return true
	})
	require.Equal(t, "the bug", got)
}

// TestChildPasses is a passing run, in a process that another test starts.
func TestChildPasses(t *testing.T) {
	if os.Getenv("WATERTIGHT_TEST_PASS") == "" {
		t.Skip("for TestPassingRunLeavesNothing and TestAsAnotherUser")
	}
	d := New(t)
	require.Equal(t, d.Server().login(appRole), text(t, d.App(t), "select current_user"))
	fmt.Printf("USER %d SOURCE %s ADDRESS %s\n", os.Geteuid(), d.Server().Source(), redacted(d.AdminURL))
}

func TestPassingRunLeavesNothing(t *testing.T) {
	t.Parallel()
	shared := New(t, Config{Empty: true}).Server()
	out, ok := output(t, self(t, []string{"WATERTIGHT_TEST_PASS=1"}, "-test.run=^TestChildPasses$"))
	require.True(t, ok, out)
	if !shared.owned {
		return // databases are dropped; roles: TestSharedServer
	}
	require.True(t, gone(filepath.Dir(socketOf(t, after(t, out, "ADDRESS ")))))
}

func socketOf(t testing.TB, address string) string {
	t.Helper()
	u, err := parseURL(address)
	require.NoError(t, err)
	require.NotEmpty(t, u.Query().Get("host"))
	return u.Query().Get("host")
}

// The suite must work for root, whom postgres does not serve, and for everybody
// else. Whoever runs it as root sees both here.
func TestAsAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the other tests of this run are the ordinary user's")
	}
	as, err := firstUser("postgres", "nobody")
	require.NoError(t, err)
	dir := script(t, "") // a folder that the user can reach, unlike go test's own
	file, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(file)
	require.NoError(t, err)
	copied := filepath.Join(dir, "pgtest.test")
	require.NoError(t, os.WriteFile(copied, program, 0o755))
	cmd := exec.Command(copied, "-test.run=^TestChildPasses$")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "WATERTIGHT_TEST_PASS=1", "HOME="+dir, "DATABASE_URL=", "TMPDIR=/tmp")
	// What .ci/install-postgres fetched for root is not where the user looks.
	cfg, err := Config{}.resolve()
	require.NoError(t, err)
	if server, err := shared(cfg); err == nil && server.local != nil {
		cmd.Env = append(cmd.Env, "PGBIN="+server.local.bin)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: as.uid, Gid: as.gid}}
	out, ok := output(t, cmd)
	require.True(t, ok, out)
	require.Contains(t, out, fmt.Sprintf("USER %d SOURCE PostgreSQL", as.uid))
	require.Contains(t, out, "run as the calling user")
}

// Root's server may belong to any ordinary user that the machine has, and what
// is wrong with the first place must not keep the second from being used.
func TestRootServesAsAnyUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	as, err := firstUser("nobody", "daemon")
	require.NoError(t, err)
	l := defaultLookup()
	l.pgbin = script(t, "exit 1")
	s, attempts := l.startAs(t.Context(), Config{}, as)
	if s == nil {
		missing(t, &NotFoundError{attempts: attempts})
	}
	require.Contains(t, s.Source(), "run as "+as.name)
	require.NotContains(t, s.Source(), l.pgbin)
	require.NoError(t, s.Stop())
}

func TestFirstUser(t *testing.T) {
	t.Parallel()
	_, err := firstUser("no-such-user-here", "root")
	require.ErrorContains(t, err, "postgres refuses to run as root and this machine has no other user (add one: useradd --system postgres)")
	as, err := firstUser("no-such-user-here", "root", "nobody")
	require.NoError(t, err)
	require.Equal(t, "nobody", as.String())
	require.NotZero(t, as.uid)
	as, err = runAs()
	require.NoError(t, err)
	require.Equal(t, os.Geteuid() == 0, as != nil)
}
