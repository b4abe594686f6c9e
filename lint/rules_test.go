package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// TestRuleFolders runs the examples of every rule: bad has the finding, fixed
// and ok have none.
func TestRuleFolders(t *testing.T) {
	t.Parallel()
	schema, err := ReadSchema([]string{"rules/schema.sql"})
	require.NoError(t, err)
	for _, rule := range Rules() {
		folder := filepath.Join("rules", strings.ToLower(rule.ID)+"-"+rule.Name)
		for _, name := range []string{"bad", "fixed", "ok"} {
			t.Run(rule.ID+"/"+name, func(t *testing.T) {
				t.Parallel()
				found := exampleFindings(t, schema, filepath.Join(folder, name))
				has := slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == rule.ID })
				if name == "bad" {
					require.True(t, has, "no finding of %s: %v", rule.ID, found)
					return
				}
				require.Empty(t, found)
			})
		}
	}
}

func exampleFindings(t *testing.T, schema *Schema, path string) []Finding {
	t.Helper()
	if src, err := os.ReadFile(path + ".sql"); err == nil {
		r, err := Check(schema, []File{{"example.sql", string(src)}}, Options{})
		require.NoError(t, err)
		return r.Findings
	}
	archive, err := txtar.ParseFile(path + ".txtar")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, txtar.Write(archive, dir))
	blocks, err := ReadSQLC(filepath.Join(dir, "sqlc.yaml"))
	require.NoError(t, err)
	r, err := CheckSQLC(blocks[0], Options{})
	require.NoError(t, err)
	if b, err := ReadBaseline(filepath.Join(dir, "baseline.json")); err == nil {
		for i := range r.Findings {
			r.Findings[i].File = filepath.Base(r.Findings[i].File)
		}
		r.Subtract(b, "baseline.json")
	}
	return r.Findings
}

// TestRuleIDs: the ids are public. A rule that goes leaves its
// number empty, and its id stays on the list of retired ones.
func TestRuleIDs(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("finding.go")
	require.NoError(t, err)
	var declared []string
	for _, m := range regexp.MustCompile(`= "(WTL\d{3})"`).FindAllStringSubmatch(string(src), -1) {
		require.NotContains(t, declared, m[1], "the id is used twice")
		declared = append(declared, m[1])
	}
	var pages []string
	for _, r := range Rules() {
		pages = append(pages, r.ID)
		require.NotEmpty(t, r.Title)
		require.Contains(t, r.Doc, "Fix:", r.ID)
	}
	require.Equal(t, declared, pages, "each rule has a page, each page a rule")
}
