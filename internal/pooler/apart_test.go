package pooler

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A test that was renamed would be on the list for nothing, and one that the
// list names for no reason would prove nothing.
func TestListNamesTestsAndReasons(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, apart)
	for suite, list := range apart {
		known := testsOf(t, suite)
		require.NotEmpty(t, known)
		for name, e := range list {
			test, _, _ := strings.Cut(name, "/")
			require.Contains(t, known, test, "%s is no test of %s", name, suite)
			require.NotEmpty(t, e.why, name)
			for _, other := range strings.FieldsFunc(e.why, func(r rune) bool { return r == '(' || r == ')' || r == ' ' }) {
				if strings.HasPrefix(other, "Test") {
					require.Contains(t, known, other, "the reason of %s", name)
				}
			}
		}
	}
}

func testsOf(t *testing.T, suite string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", suite, "*_test.go"))
	require.NoError(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Test") {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}
