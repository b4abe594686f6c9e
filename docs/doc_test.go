// Package docs_test executes the documentation: every code block of README.md
// and of the pages below docs.
//
// What a block is for stands before it, in a comment that readers do not see:
//
//	<!-- not run: REASON -->   it is not executed; reasons has the reasons, counted
//	<!-- file: NAME -->        it is written to a file of the page's folder
//	<!-- in: clone -->         a script runs in this repository, not in that folder
//	<!-- exit: N -->           a script ends with this code
//	<!-- as: ROLE -->          SQL runs as app, migrator or admin (the default)
//	<!-- fails: SQLSTATE -->   SQL is refused so
//
// Without one, go is a quotation of a Go file of this module, which compiles
// and is tested there; sh is a script for bash, in a folder and with a database
// of the page; sql is run in that database; and text right after one of these
// two is what it prints, where … stands for what differs from run to run.
// Anything else fails. A page that contains
//
//	<!-- database: migrated -->
//
// begins with Watertight in its database instead of an empty one; with "bookings"
// for "migrated" also with the tables app.rooms and app.bookings.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// root is this module's folder.
const root = ".."

// reasons are why a block is not executed, and how many blocks say so. One more
// is a decision.
var reasons = map[string]int{
	"the whole suite, which this test is part of": 1,
	"needs a Citus cluster":                       6,
	"needs the network":                           1,
}

func TestEveryBlockHolds(t *testing.T) {
	t.Parallel()
	shared := preparePrograms(t)
	excused := map[string]int{}
	blocks := 0
	for _, name := range handwritten(t) {
		p := readPage(t, name)
		blocks += len(p.blocks)
		for _, b := range p.blocks {
			if reason, ok := b.directives["not run"]; ok {
				excused[reason]++
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runPage(t, shared, p)
		})
	}
	require.NotZero(t, blocks, "no page has a block: nothing was executed")
	require.Equal(t, reasons, excused, "the reasons for not executing a block, and how many have them")
}

// runPage executes the blocks of a page in their order.
func runPage(t *testing.T, shared *programs, p page) {
	t.Helper()
	var s *sandbox // made by the first block that needs it
	need := func() *sandbox {
		if s == nil {
			s = newSandbox(t, shared, p.database)
		}
		return s
	}
	for i, b := range p.blocks {
		if err := b.check(); err != nil {
			t.Errorf("%s:%d: %v", p.name, b.line, err)
			continue
		}
		var err error
		switch {
		case b.has("not run"):
		case b.has("file"):
			err = need().write(b.directives["file"], b.text)
		case b.language == "go":
			err = quoted(t, b.text)
		case b.language == "sh":
			err = need().script(t, b, p.output(i))
		case b.language == "sql":
			err = need().sql(t, b, p.output(i))
		case b.language == "text" && p.isOutput(i):
			// Compared by the block before it.
		}
		// What follows a block that failed would fail for that reason.
		require.NoError(t, err, "%s:%d", p.name, b.line)
	}
}

// handwritten are the pages that a person writes. Those of the rules are
// generated, and their examples are executed by the packages of the rules.
func handwritten(t *testing.T) []string {
	t.Helper()
	names := []string{"../README.md"}
	err := filepath.WalkDir(".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && name == "rules" {
			return fs.SkipDir
		}
		if filepath.Ext(name) == ".md" {
			names = append(names, name)
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(names), 10, "the pages are not where they are looked for")
	return names
}

// allPages are the pages of the whole repository that link to one another.
func allPages(t *testing.T) []string {
	t.Helper()
	names := append(handwritten(t), "../CONTRIBUTING.md", "../SECURITY.md")
	rules, err := filepath.Glob("rules/*.md")
	require.NoError(t, err)
	return append(names, rules...)
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}
