package adopt_test

import (
	"testing"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
