package typecheck

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Run checks the programs in the folders reject and accept, each as a subtest
// named after its file. See the package comment for what the files contain.
func Run(t *testing.T, reject, accept string) {
	t.Helper()
	cases, err := load(reject, accept)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := c.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Check is [Run] without a test: it returns everything that is not as the files
// say, joined, or nil.
func Check(reject, accept string) error {
	cases, err := load(reject, accept)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range cases {
		if err := c.check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}

// testCase is a program that must not compile, and its control.
type testCase struct {
	name            string
	rejected, given *program
}

// load reads the programs of both folders and the export data of everything
// they import.
func load(reject, accept string) ([]testCase, error) {
	names, err := pairs(reject, accept)
	if err != nil {
		return nil, err
	}
	checker := newChecker()
	var cases []testCase
	for _, name := range names {
		c := testCase{name: strings.TrimSuffix(name, ".go")}
		if c.rejected, err = checker.parse(filepath.Join(reject, name)); err != nil {
			return nil, err
		}
		if c.given, err = checker.parse(filepath.Join(accept, name)); err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, checker.loadImports()
}

// pairs returns the names that both folders have, or an error if one has a name
// that the other has not.
func pairs(reject, accept string) ([]string, error) {
	bad, err := goFiles(reject)
	if err != nil {
		return nil, err
	}
	good, err := goFiles(accept)
	if err != nil {
		return nil, err
	}
	for _, name := range bad {
		if !slices.Contains(good, name) {
			return nil, fmt.Errorf("%s has no positive control (add %s, the same program without the mistake)",
				filepath.Join(reject, name), filepath.Join(accept, name))
		}
	}
	for _, name := range good {
		if !slices.Contains(bad, name) {
			return nil, fmt.Errorf("%s is the control of no program (add %s, or delete it)",
				filepath.Join(accept, name), filepath.Join(reject, name))
		}
	}
	return bad, nil
}

func goFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no programs (a test of nothing proves nothing)", dir)
	}
	return names, nil
}

// check returns what is not as expected: the control that does not compile, the
// mistake that does, or a message that says something else.
func (c testCase) check() error {
	if found := c.given.errors(); len(found) > 0 {
		return fmt.Errorf("the positive control does not compile: %w", errors.Join(found...))
	}
	if len(c.given.wants) > 0 {
		return errors.New("the positive control expects errors (a want comment belongs to the program that must not compile)")
	}
	if len(c.rejected.wants) == 0 {
		return errors.New(`the program expects no error (add // want "regexp" to the line of the mistake)`)
	}
	return match(c.rejected.errors(), c.rejected.wants)
}
