package doctor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/internal/needs"
	"github.com/watertight-go/watertight/internal/scaffold"
)

// newProject writes what init writes, without the generated code, and returns
// the path of its sqlc.yaml.
func newProject(t *testing.T) string {
	t.Helper()
	files, err := scaffold.Project{Module: "example.com/shop", Version: "v1.0.0", CI: scaffold.NoCI}.Files()
	require.NoError(t, err)
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, 0o644))
	}
	return filepath.Join(dir, "sqlc.yaml")
}

func TestBrokenConfiguration(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ old, new, says string }{
		"no limit":        {"query_parameter_limit: 32", "query_parameter_limit: 1", "a call without a tenant would compile"},
		"sqlc's own db":   {"output_db_file_name: _db.go", "output_db_file_name: db.go", "sqlc's db.go would be compiled"},
		"no override":     {"- {column: \"*.*.tenant_id\", go_type: github.com/watertight-go/watertight/tenancy.ID}", "", "any UUID would do"},
		"no plugin":       {"- {plugin: watertight, out: store}", "", "nothing would be checked"},
		"another program": {"cmd: sqlc-gen-watertight", "cmd: sqlc-gen-other", "no plugin runs"},
		"no YAML":         {"version:", "\t:", "yaml"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newProject(t)
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Contains(t, string(content), c.old)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(content), c.old, c.new, 1)), 0o644))
			list := CheckProject(t.Context(), Project{Sqlc: path, Plugin: "unused"})
			require.NotEmpty(t, list)
			for _, f := range list {
				require.Equal(t, sqlcConfig.ID, f.Rule)
				require.NotEmpty(t, f.Fix, f.Message)
			}
			require.Contains(t, list[0].Message, c.says)
		})
	}
	list := CheckProject(t.Context(), Project{Sqlc: filepath.Join(t.TempDir(), "sqlc.yaml"), Plugin: "unused"})
	require.Equal(t, []string{sqlcConfig.ID}, rules(list))
}

func TestProofConfiguration(t *testing.T) {
	t.Parallel()
	list := CheckProject(t.Context(), Project{
		Sqlc: newProject(t), Plugin: "unused",
		ProofConfig: "watertight.yaml", ProofError: errors.New("there is no watertight.yaml (write one)"),
	})
	require.Equal(t, proofConfig.ID, list[0].Rule)
	require.Equal(t, "there is no watertight.yaml", list[0].Message)
	require.Equal(t, "write one", list[0].Fix)
}

func TestToolsAreMissing(t *testing.T) {
	path := newProject(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	list := CheckProject(t.Context(), Project{Sqlc: path, Plugin: "unused"})
	require.Equal(t, []string{goTool.ID, sqlcTool.ID}, rules(list))

	// A Go that is too old.
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\necho go version go1.25.3 linux/amd64\n"), 0o755))
	if exec.Command(filepath.Join(dir, "go")).Run() != nil {
		needs.Missing(t, "there is no shell for a go that is too old")
	}
	t.Setenv("PATH", dir)
	f, ok := checkGo(t.Context())
	require.False(t, ok)
	require.Equal(t, "Go is 1.25", f.Message)
}

func TestRulesAreComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range Rules() {
		require.False(t, seen[r.ID], r.ID)
		seen[r.ID] = true
		require.Regexp(t, `^WTD\d{3}$`, r.ID)
		require.NotEmpty(t, r.Title)
		require.True(t, strings.HasSuffix(r.Why, "."), r.ID)
		require.Contains(t, []string{Error, Warning}, r.Severity)
	}
}
