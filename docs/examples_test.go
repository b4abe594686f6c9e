package docs_test

import (
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// withoutExample are exported packages that have no Example, and why.
var withoutExample = map[string]string{
	"adopt":              "it needs a schema that nobody wrote for it, see its tests",
	"observe":            "what it makes is read by OpenTelemetry, see its tests",
	"query":              "generated",
	"query/platform":     "generated",
	"tenancy/bootstrap":  "package accounts is built on it, nothing else needs it",
	"tenancy/custody":    "package lifecycle is built on it, nothing else needs it",
	"tenancy/recording":  "package audit is built on it, nothing else needs it",
	"tenancy/placement":  "it needs two databases; examples of moves are tests of package lifecycle",
	"tenancy/support":    "its use is shown by accounts.AdmitSupport and the bookings example",
	"accounts/grpcauth":  "it needs generated code of gRPC",
	"accounts/oidclogin": "it needs a provider on the network",
	"lifecycle/bucket":   "one function, shown in the package comment",
	"lint/goanalysis":    "an analyzer of go vet, shown in the package comment",
	"enforcement":        "tests only",
	"faults":             "tests only",
	"docs":               "tests only",
}

// Every package that others import says what it is, and shows it in an Example
// whose output is compared.
func TestEveryPackageHasAnExample(t *testing.T) {
	t.Parallel()
	excused := map[string]bool{}
	for dir, files := range packages(t) {
		var code, tests []*ast.File
		for name, f := range files {
			if strings.HasSuffix(name, "_test.go") {
				tests = append(tests, f)
			} else {
				code = append(code, f)
			}
		}
		if _, ok := withoutExample[dir]; ok {
			excused[dir] = true
			continue
		}
		require.NotEmpty(t, code, dir)
		if !slices.ContainsFunc(code, func(f *ast.File) bool { return len(f.Doc.Text()) > 100 }) {
			t.Errorf("package %s has no package comment", dir)
		}
		compared := func(e *doc.Example) bool { return e.Output != "" || e.EmptyOutput }
		if !slices.ContainsFunc(doc.Examples(tests...), compared) {
			t.Errorf("package %s has no Example with an output (write one, or the reason to withoutExample)", dir)
		}
	}
	for dir := range withoutExample {
		require.True(t, excused[dir], "%s is excused and not there", dir)
	}
}

// packages are those that other modules can import, by folder, parsed.
func packages(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	found := map[string]map[string]*ast.File{}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			switch e.Name() {
			case "internal", "testdata", "cmd", "examples", "bench", "tools", ".git":
				return fs.SkipDir
			}
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil || filepath.Ext(name) != ".go" || dir == "." || strings.HasPrefix(e.Name(), "_") {
			return err
		}
		if match, err := build.Default.MatchFile(filepath.Dir(name), e.Name()); err != nil || !match {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		if found[dir] == nil {
			found[dir] = map[string]*ast.File{}
		}
		found[dir][e.Name()] = f
		return nil
	})
	require.NoError(t, err)
	maps.DeleteFunc(found, func(_ string, files map[string]*ast.File) bool {
		for _, f := range files {
			if f.Name.Name == "main" {
				return true
			}
		}
		return false
	})
	require.Greater(t, len(found), 15)
	return found
}
