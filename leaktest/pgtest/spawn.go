package pgtest

import (
	"os/exec"
	"runtime"
	"strings"
)

// A process is a program of ours that must not outlive us.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
	err    error         // how; read it after exited
}

// spawn starts cmd from a thread that lives until the process ends. The
// parent-death signal follows the thread, not the process: started from any
// other goroutine, the server would be shot when the runtime retires its
// thread.
func spawn(cmd *exec.Cmd) (*process, error) {
	dieWithParent(cmd)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.exited)
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	return p, <-started
}

// run waits for the end of a program that ends by itself.
func run(cmd *exec.Cmd) error {
	p, err := spawn(cmd)
	if err != nil {
		return err
	}
	<-p.exited
	return p.err
}

// serverEnv is the environment without what would redirect a server or give it
// another language or time zone than everywhere else.
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
