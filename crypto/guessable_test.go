package crypto

import (
	"slices"
	"strings"
	"testing"
)

// TestCommonList holds what the search relies on, and that it finds everything.
func TestCommonList(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSuffix(commonPasswords, "\n"), "\n")
	if len(lines) != 42_692 || !slices.IsSorted(lines) {
		t.Fatalf("%d lines, sorted: %v", len(lines), slices.IsSorted(lines))
	}
	for i, line := range lines {
		if line != strings.ToLower(line) || len(line) < 6 || len(line) > maxPasswordBytes {
			t.Errorf("line %d is %q", i+1, line)
		}
		if !common(line) {
			t.Errorf("%q is not found", line)
		}
	}
	for _, s := range []string{"", "\n", "password\n", "passwor", "passwordd", "correct horse battery", "zzzzzzzzzzzzzzz", "!", "\xff", lines[0] + "\n" + lines[1]} {
		if common(s) && !slices.Contains(lines, s) {
			t.Errorf("%q is found", s)
		}
	}
}
