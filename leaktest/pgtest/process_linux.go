package pgtest

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel stop the server when the thread that started it
// ends, so that even a killed test process leaves no server. SIGQUIT is
// PostgreSQL's immediate shutdown: it also ends the server's children.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
}
