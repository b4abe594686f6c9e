package docs_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The map has every promise, every file of enforcement with all its tests, and
// every demand that the report of prove knows. That the tests which it names
// exist is seen by TestNamesExist.
func TestControlsAreComplete(t *testing.T) {
	t.Parallel()
	text := readFile(t, "controls.md")
	for _, group := range []struct {
		letter string
		last   int
	}{{"B", 18}, {"C", 9}} {
		for i := range group.last {
			id := fmt.Sprintf("%s%d", group.letter, i+1)
			row := regexp.MustCompile(`(?m)^\| ` + id + ` \|.*$`).FindString(text)
			require.Regexp(t, "`Test", row, "the promise %s has no row with a test", id)
		}
	}
	files, err := filepath.Glob("../enforcement/[a-z]*_test.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		tests := regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(t `).FindAllStringSubmatch(readFile(t, file), -1)
		if len(tests) == 0 {
			continue // helpers
		}
		require.Contains(t, text, "]("+filepath.ToSlash(file)+")", "controls.md does not link it")
		for _, m := range tests {
			require.Contains(t, text, "`"+m[1]+"`", "controls.md does not name it")
		}
	}
}

// What the report of prove maps, this page maps too.
func TestControlsKnowWhatTheReportKnows(t *testing.T) {
	t.Parallel()
	text := readFile(t, "controls.md")
	demands := regexp.MustCompile(`(?m)^\t\{"([^"]+)", "([^"]+)", "`).FindAllStringSubmatch(readFile(t, "../internal/evidence/controls.go"), -1)
	require.Greater(t, len(demands), 10)
	for _, m := range demands {
		standard := strings.TrimSuffix(m[1], " 2021")
		require.Contains(t, text, standard, "the page has no such standard")
		require.Regexp(t, `\b`+regexp.QuoteMeta(m[2])+`(\b|[ ,)|])`, text, "%s %s is in the report and not in the page", m[1], m[2])
	}
}

// A row of a map that names no test would promise without showing.
func TestEveryControlNamesATest(t *testing.T) {
	t.Parallel()
	rows := 0
	for line := range strings.Lines(readFile(t, "controls.md")) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| id ") || strings.HasPrefix(line, "| article ") {
			continue
		}
		rows++
		require.Contains(t, line, "`Test", "the row names no test")
	}
	require.Greater(t, rows, 80)
}
