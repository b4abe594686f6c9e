//go:build unix && !linux

package pgtest

import "os/exec"

// dieWithParent does nothing: only Linux has parent-death signals, elsewhere
// the watchdog alone ends the server of a killed test process.
func dieWithParent(*exec.Cmd) {}
