package envelope

import (
	"os"
	"strconv"
	"testing"
)

// sealCount is how many values the repetition test seals.
func sealCount(t *testing.T) int {
	t.Helper()
	v := os.Getenv("WATERTIGHT_SEALS")
	if v == "" {
		return 100_000
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("WATERTIGHT_SEALS=%q is not a count", v)
	}
	return n
}
