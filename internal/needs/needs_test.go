package needs

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A spy is a test that remembers how it ended, and ends its goroutine.
type spy struct {
	testing.TB
	how string
}

func (*spy) Helper() {}

func (s *spy) Fatalf(format string, arguments ...any) {
	s.how = "failed " + fmt.Sprintf(format, arguments...)
	panic(s)
}

func (s *spy) Skipf(format string, arguments ...any) {
	s.how = "skipped " + fmt.Sprintf(format, arguments...)
	panic(s)
}

func ending(f func(testing.TB)) (how string) {
	s := &spy{}
	defer func() {
		if recover() != nil {
			how = s.how
		}
	}()
	f(s)
	return "went on"
}

// Not parallel: the tests set CI.
func TestWhatIsMissingFailsInCI(t *testing.T) {
	for ci, how := range map[string]string{"": "skipped", "true": "failed", "1": "failed"} {
		t.Setenv("CI", ci)
		require.Equal(t, how+" NOT TESTED: there is no such-program (apt-get install it)", ending(func(t testing.TB) {
			Program(t, "such-program", "apt-get install it")
		}), "CI=%s", ci)
		require.Equal(t, how+" NOT TESTED: 2 things", ending(func(t testing.TB) { Missing(t, "%d things", 2) }), "CI=%s", ci)
		require.Equal(t, "went on", ending(func(t testing.TB) {
			if Program(t, "go", "") == "" {
				panic("no path")
			}
		}), "CI=%s", ci)
	}
}
