package typecheck_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watertight-go/watertight/internal/typecheck"
)

const (
	fine = `package p

import "strings"

var _ = strings.Repeat("a", 2)
`
	mistake = `package p

import "strings"

var _ = strings.Repeat("a") // want "not enough arguments in call to strings.Repeat"
`
)

// folders writes programs, given as reject/name.go or accept/name.go.
func folders(t *testing.T, files map[string]string) (reject, accept string) {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"reject", "accept"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, src := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "reject"), filepath.Join(dir, "accept")
}

func TestRunPassesAMistakeWithItsControl(t *testing.T) {
	t.Parallel()
	reject, accept := folders(t, map[string]string{"reject/a.go": mistake, "accept/a.go": fine})
	typecheck.Run(t, reject, accept)
	if err := typecheck.Check(reject, accept); err != nil {
		t.Error(err)
	}
}

func TestCheckWantsEveryErrorOfOneLine(t *testing.T) {
	t.Parallel()
	src := `package p

import "strings"

var _, _ = strings.Repeat("a"), strings.Repeat(1, 2) // want ` + "`cannot use 1`" + ` "not enough arguments"
`
	reject, accept := folders(t, map[string]string{"reject/a.go": src, "accept/a.go": fine})
	if err := typecheck.Check(reject, accept); err != nil {
		t.Error(err)
	}
}

// Each of these looks like a passing test to a harness that is less strict.
func TestCheckFailsWhenNothingIsProved(t *testing.T) {
	t.Parallel()
	edit := func(src, from, to string) string {
		if !strings.Contains(src, from) {
			t.Fatalf("%q is not in the program", from)
		}
		return strings.ReplaceAll(src, from, to)
	}
	secondMistake := mistake + "\nvar _ int = \"b\"\n"
	cases := map[string]struct {
		files map[string]string
		want  string
	}{
		"no programs":        {nil, "has no programs"},
		"no control":         {map[string]string{"reject/a.go": mistake, "reject/b.go": mistake, "accept/a.go": fine}, "no positive control"},
		"control of nothing": {map[string]string{"reject/a.go": mistake, "accept/a.go": fine, "accept/b.go": fine}, "control of no program"},
		"the mistake compiles": {map[string]string{
			"reject/a.go": edit(mistake, `("a")`, `("a", 2)`), "accept/a.go": fine,
		}, "the mistake compiles"},
		"another message": {map[string]string{
			"reject/a.go": edit(mistake, "not enough", "too many"), "accept/a.go": fine,
		}, "unexpected error"},
		"another line": {map[string]string{
			"reject/a.go": edit(mistake, " // want", "\n// want"), "accept/a.go": fine,
		}, "unexpected error"},
		"a second mistake": {map[string]string{"reject/a.go": secondMistake, "accept/a.go": fine}, "unexpected error"},
		"no expectation": {map[string]string{
			"reject/a.go": edit(mistake, "// want", "// wants"), "accept/a.go": fine,
		}, "expects no error"},
		"a pattern for everything": {map[string]string{
			"reject/a.go": edit(mistake, `"not enough arguments in call to strings.Repeat"`, `""`), "accept/a.go": fine,
		}, "matches every error"},
		"unquoted pattern": {map[string]string{
			"reject/a.go": edit(mistake, `"not enough arguments in call to strings.Repeat"`, "not enough"), "accept/a.go": fine,
		}, "not a list of Go strings"},
		"syntax error": {map[string]string{
			"reject/a.go": edit(mistake, "var _", "var"), "accept/a.go": fine,
		}, "syntax error"},
		"the control is broken": {map[string]string{
			"reject/a.go": mistake, "accept/a.go": edit(fine, "Repeat", "Repaet"),
		}, "control does not compile"},
		"the control has the mistake": {map[string]string{"reject/a.go": mistake, "accept/a.go": mistake}, "control does not compile"},
		"no such package": {map[string]string{
			"reject/a.go": edit(mistake, `"strings"`, `"stringz"`), "accept/a.go": fine,
		}, "stringz"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reject, accept := folders(t, c.files)
			err := typecheck.Check(reject, accept)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check: %v, want an error with %q", err, c.want)
			}
		})
	}
}
