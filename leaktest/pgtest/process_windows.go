package pgtest

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// prepare makes cmd run in dir, without the PG* variables that redirect a
// server. There are no other users to run it as.
func prepare(cmd *exec.Cmd, dir string, _ *user) {
	if dir != "/" {
		cmd.Dir = dir
	}
	cmd.Env = serverEnv(os.Environ())
}

func dieWithParent(*exec.Cmd) {}

func give(string, *user) error { return nil }

// lock takes none, so that the sweep leaves everything alone.
func lock(*os.File) (taken bool, err error) { return false, nil }

func serves(int, string) bool { return false }

var errNoSignals = errors.New("there are no signals on Windows")

func killTree(int) error { return errNoSignals }

func pauseTree(int) (resume func(), err error) { return nil, errNoSignals }

func endServer(int, func() bool) (ended bool) { return false }

func fits(base string, _ *user) error {
	info, err := os.Stat(base)
	if err == nil && !info.IsDir() {
		err = errors.New(base + " is not a folder")
	}
	return err
}

func reachable(string, *user) error { return nil }

// Windows has no signals; the server's children notice that it is gone.
const (
	fast      = syscall.SIGKILL
	immediate = syscall.SIGKILL
)

func restartLine(_ *user, args []string) string { return strings.Join(args, " ") }
