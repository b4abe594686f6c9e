package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watertight-go/watertight/internal/needs"
)

// TestScripts runs testdata/script/*.txtar, one file per behaviour of the
// command. Beside the usual commands a script may say
//
//	code N watertight ...   the exit code must be N
//	[!sqlc] skip            there is no $SQLC on this machine
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"code": expectCode},
		Condition:           sqlcCondition(t),
		Setup: func(e *testscript.Env) error {
			setSqlc(t, e)
			library, err := filepath.Abs(filepath.Join("..", ".."))
			if err != nil {
				return err
			}
			e.Setenv("LIBRARY", library)
			return setupModule(e)
		},
	})
}

// sqlcCondition is [sqlc]: there is a sqlc on this machine.
func sqlcCondition(t *testing.T) func(string) (bool, error) {
	return func(cond string) (bool, error) {
		if cond != "sqlc" {
			return false, fmt.Errorf("unknown condition %q", cond)
		}
		return sqlc(t) != "", nil
	}
}

// setSqlc puts sqlc, if there is one, on a script's PATH and into $SQLC.
func setSqlc(t *testing.T, e *testscript.Env) {
	path := sqlc(t)
	e.Setenv("SQLC", path)
	if path != "" {
		e.Setenv("PATH", filepath.Dir(path)+string(os.PathListSeparator)+e.Getenv("PATH"))
	}
}

// setupModule lets a script that has a folder named module build in it: it gets
// the go.mod of a program that imports this module, and what the go command
// has downloaded and built already.
func setupModule(e *testscript.Env) error {
	dir := filepath.Join(e.WorkDir, "module")
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	const name = "github.com/watertight-go/watertight"
	user := strings.Replace(string(mod), "module "+name, "module example.com/shop", 1) +
		"\nrequire " + name + " v0.0.0\nreplace " + name + " => " + root + "\n"
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	if err != nil {
		return err
	}
	for i, value := range strings.Fields(string(out)) {
		e.Setenv([]string{"GOCACHE", "GOMODCACHE", "GOPATH"}[i], value)
	}
	e.Setenv("GOFLAGS", "-mod=mod")
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte(user), 0o644),
		os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644))
}

// expectCode tells exit code 1, findings, from 2, could not run, which "! exec"
// does not.
func expectCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// buildSqlc builds the sqlc of the tools module, once for all scripts.
var buildSqlc = sync.OnceValues(func() (string, error) {
	cmd := exec.CommandContext(context.Background(), "go", "tool", "-n", "sqlc")
	cmd.Dir = filepath.Join("..", "..", "tools")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
})

// sqlc returns the path of sqlc. Where it can neither be found nor downloaded
// it says so, and returns nothing; in CI that fails the test.
func sqlc(t *testing.T) string {
	t.Helper()
	path, err := buildSqlc()
	switch {
	case err == nil:
		return path
	case needs.InCI():
		t.Fatalf("sqlc of tools/go.mod cannot be built: %v", err)
	}
	t.Logf("generate is not tested: sqlc of tools/go.mod cannot be built: %v", err)
	return ""
}
