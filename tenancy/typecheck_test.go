package tenancy_test

import (
	"testing"

	"github.com/watertight-go/watertight/internal/typecheck"
)

func TestMistakesDoNotCompile(t *testing.T) {
	t.Parallel()
	typecheck.Run(t, "testdata/reject", "testdata/accept")
}
