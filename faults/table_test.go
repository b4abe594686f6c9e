package faults

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const page = "../docs/faults.md"

// The table of the page has a row for each test here, and no other.
func TestTableIsWhatIsTested(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\|.*\\| `(Test\\w+)` \\|$").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, rows)
	var listed []string
	for _, row := range rows {
		require.Equal(t, 5, strings.Count(row[0], "|"), "fault, expected, seen, test: %s", row[0])
		listed = append(listed, row[1])
	}
	require.ElementsMatch(t, tests(t), listed)
}

// ofTests test what the others see with.
var ofTests = []string{
	"TestMain", "TestTableIsWhatIsTested", "TestSoakSeesWhatIsPlanted", "TestSoakSeesGrowth", "TestSoakOutcomes",
}

// tests are the faults: every test but those of the tests.
func tests(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && strings.HasPrefix(fn.Name.Name, "Test") && !slices.Contains(ofTests, fn.Name.Name) {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}
