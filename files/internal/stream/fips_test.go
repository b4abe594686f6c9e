package stream

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestUnderFIPS140Only runs itself again in a process in which the Go runtime
// stops at every function that is not approved, and seals and opens there.
func TestUnderFIPS140Only(t *testing.T) {
	t.Parallel()
	const done = "sealed and opened under enforcement"
	if fips140.Enforced() {
		got, err := open(seal(t, testKey, home, []byte("plaintext")), testKey, home, 9)
		if err != nil || string(got) != "plaintext" {
			t.Fatalf("opened to %q, %v", got, err)
		}
		t.Log(done)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestUnderFIPS140Only$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), done) {
		t.Errorf("%v\n%s", err, out)
	}
}
