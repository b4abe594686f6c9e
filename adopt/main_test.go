package adopt_test

import (
	"os"
	"testing"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childURL) != "" {
		os.Exit(child())
	}
	pgtest.Main(m)
}
