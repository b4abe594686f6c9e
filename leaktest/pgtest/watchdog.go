package pgtest

import (
	"io"
	"os/exec"
)

// watchdogScript waits for the end of its input, which comes when the test
// process ends in whatever way, then ends the server and clears up. The process
// number in postmaster.pid may be an old one that the system gave away again,
// so where /proc can tell, the process must be one that serves this folder.
// A file called keep leaves the folder for inspection.
const watchdogScript = `
dir=$1
read -r line
pid=$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null)
ours() { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && { ! [ -d /proc/self ] || grep -aqF "$dir" "/proc/$pid/cmdline"; }; }
if ours; then kill -QUIT "$pid"; fi
n=0
while ours && [ "$n" -lt 100 ]; do sleep 0.1; n=$((n+1)); done
if ! [ -e "$dir/keep" ]; then cd / && rm -rf "$dir"; fi
`

// watch starts the watchdog and returns what ends it. Without a shell there is
// none, and the next run's sweep clears up instead.
func watch(h *home) io.Closer {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "pgtest-watchdog", h.dir)
	prepare(cmd, "/", h.as)
	input, err := cmd.StdinPipe()
	if err != nil {
		return io.NopCloser(nil)
	}
	if err := cmd.Start(); err != nil {
		return io.NopCloser(nil)
	}
	go func() { _ = cmd.Wait() }() // how it ends changes nothing here
	return input
}
