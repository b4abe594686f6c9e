//go:build unix

package pgtest

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// prepare makes cmd run in dir, as the given user, in its own process group
// (an interrupt typed at the terminal is for the tests, which then stop the
// server in order), and without the PG* variables that redirect a server.
func prepare(cmd *exec.Cmd, dir string, as *user) {
	cmd.Dir = dir
	cmd.Env = serverEnv(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if as != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
}

func serverEnv(env []string) []string {
	kept := []string{"LC_ALL=C", "TZ=UTC"}
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if name == "TZ" || name == "LANG" || strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "LC_") {
			continue
		}
		kept = append(kept, entry)
	}
	return kept
}

// give hands a file or folder of ours to the server's user.
func give(path string, as *user) error {
	if as == nil {
		return nil
	}
	return os.Chown(path, int(as.uid), int(as.gid))
}

// freeBytes is the room left where path is.
func freeBytes(path string) uint64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return 0
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize)
}

// lock takes an exclusive lock on the file, which the kernel gives back when
// this process ends, however it ends. It works across containers that share
// the folder, where process numbers mean nothing.
func lock(file *os.File) (taken bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// alive reports whether there is such a process, ours or not.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// The server's shutdown modes: fast ends sessions and writes a checkpoint,
// immediate only ends.
const (
	fast      = syscall.SIGINT
	immediate = syscall.SIGQUIT
)
