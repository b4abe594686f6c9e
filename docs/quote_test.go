package docs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// quoted returns an error if the text stands in no Go file of this module. Then
// go vet compiles it and the tests there run it.
func quoted(t *testing.T, text string) error {
	t.Helper()
	want := flat(text)
	found := false
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || found {
			return err
		}
		if e.IsDir() && (e.Name() == "testdata" || e.Name() == ".git") {
			return fs.SkipDir
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		src, err := os.ReadFile(name)
		found = found || strings.Contains("\n"+flat(string(src)), "\n"+want)
		return err
	})
	if err == nil && !found {
		err = errors.New("the code stands in no Go file of this module (quote one, line by line)")
	}
	return err
}

// flat is text without indentation: code in a function is quoted from its
// margin.
func flat(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
