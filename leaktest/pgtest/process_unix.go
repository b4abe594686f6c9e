//go:build unix

package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
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

// give hands a file or folder of ours to the server's user.
func give(path string, as *user) error {
	if as == nil {
		return nil
	}
	return os.Lchown(path, int(as.uid), int(as.gid))
}

// freeBytes is the room left where path is.
func freeBytes(path string) uint64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return 0
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize) //nolint:unconvert // the types differ between systems
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

// serves reports whether the process is a server whose data are in dir. A
// number alone proves nothing: the system gives numbers away again.
func serves(pid int, dir string) bool {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		line, err = exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	}
	return err == nil && bytes.Contains(line, []byte(dir))
}

// endServer stops a server that an earlier process left.
func endServer(pid int, running func() bool) (ended bool) {
	_ = syscall.Kill(pid, immediate)
	for range 100 {
		if !running() {
			return true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

// killTree ends a server and its children at once. The children are in process
// groups of their own. Stopped first, the server cannot make another one, nor
// see one die and begin to recover.
func killTree(pid int) error {
	resume, err := pauseTree(pid)
	if err != nil {
		return err
	}
	defer resume() // a stopped process dies of SIGKILL as well; this is for what could not be killed
	children := childrenOf(pid)
	for _, p := range append(children, pid) {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return awaitEnd(children)
}

// awaitEnd returns when the processes have ended. A signal is only sent when
// kill returns, and a server refuses to start while one of them still has the
// memory that they shared.
func awaitEnd(pids []int) error {
	for range 1000 {
		if pids = slices.DeleteFunc(pids, dead); len(pids) == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("processes %v do not end", pids)
}

// dead reports whether a process is gone, or a zombie, which has nothing left.
func dead(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && bytes.HasPrefix(text[bytes.LastIndexByte(text, ')')+1:], []byte(" Z"))
}

// pauseTree stops a server and its children, and returns what lets them go on.
func pauseTree(pid int) (resume func(), err error) {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	stopped := append(childrenOf(pid), pid)
	for _, p := range stopped {
		_ = syscall.Kill(p, syscall.SIGSTOP) // it may have ended by itself
	}
	return func() {
		for _, p := range stopped {
			_ = syscall.Kill(p, syscall.SIGCONT)
		}
	}, nil
}

// childrenOf lists the processes that pid has started.
func childrenOf(pid int) []int {
	if files, _ := filepath.Glob("/proc/[0-9]*/stat"); len(files) > 0 {
		return childrenInProc(files, pid)
	}
	out, _ := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output() // without ps there are none to be seen
	var found []int
	for line := range strings.Lines(string(out)) {
		var child, parent int
		if n, _ := fmt.Sscan(line, &child, &parent); n == 2 && parent == pid {
			found = append(found, child)
		}
	}
	return found
}

func childrenInProc(files []string, pid int) (found []int) {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		var state string
		var parent int
		// pid (name) state parent …, and the name may hold anything.
		after := string(text[bytes.LastIndexByte(text, ')')+1:])
		if n, _ := fmt.Sscan(after, &state, &parent); n == 2 && parent == pid {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			found = append(found, child)
		}
	}
	return found
}

// The server's shutdown modes: fast ends sessions and writes a checkpoint,
// immediate only ends.
const (
	fast      = syscall.SIGINT
	immediate = syscall.SIGQUIT
)

// restartLine is the shell command that runs args as the user.
func restartLine(as *user, args []string) string {
	line := strings.Join(args, " ")
	if as == nil {
		return line
	}
	return "su -s /bin/sh " + as.name + " -c '" + line + "'"
}
