// Package needs ends tests for want of something that the machine should have.
//
// A skipped test passes, so a suite that skips what it should prove looks like
// one that proved it. Where CI is set such a test fails; elsewhere it is skipped
// and says what is not proved. The step machine of .ci/run installs what is
// needed.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program. Its remedy says how to get it.
func Program(t testing.TB, name, remedy string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "there is no %s (%s)", name, remedy)
	}
	return path
}

// Missing ends the test: it fails where CI is set, and is skipped elsewhere.
func Missing(t testing.TB, format string, arguments ...any) {
	t.Helper()
	format = "NOT TESTED: " + format
	if InCI() {
		t.Fatalf(format, arguments...)
	}
	t.Skipf(format, arguments...)
}

// InCI reports whether CI is set, where nothing may be missing.
func InCI() bool { return os.Getenv("CI") != "" }
