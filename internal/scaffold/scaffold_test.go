package scaffold

import (
	"context"
	"errors"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var shop = Project{Module: "example.com/you/shop-2", Version: "v1.2.3", CI: GitHub}

// envKilled makes the test's program write a project and die in the middle.
const envKilled = "WATERTIGHT_TEST_KILLED_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(envKilled); dir != "" {
		p := shop
		p.Dir = dir
		_ = Write(context.Background(), p, func(context.Context, string) error {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			if err == nil {
				select {}
			}
			return err
		})
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestFilesAreWhatTheirToolsRead(t *testing.T) {
	t.Parallel()
	files, err := shop.Files()
	require.NoError(t, err)
	for _, name := range []string{
		"go.mod", "main.go", "leak_test.go", "sqlc.yaml", "watertight.yaml", "Makefile", "README.md", ".gitignore",
		"cmd/migrate/main.go", "schema/schema.go", "schema/migrations/00001_notes.sql", "queries/notes.sql", ".github/workflows/watertight.yml",
	} {
		require.Contains(t, files, name)
	}
	require.Len(t, files, 13)
	for name, content := range files {
		require.NotContains(t, string(content), "[[.", name)
		switch filepath.Ext(name) {
		case ".go":
			formatted, err := format.Source(content)
			require.NoError(t, err, name)
			require.Equal(t, string(formatted), string(content), "%s is not formatted", name)
		case ".yaml", ".yml":
			require.NoError(t, yaml.Unmarshal(content, new(map[string]any)), name)
		}
	}
	require.Contains(t, string(files["go.mod"]), "module example.com/you/shop-2\n")
	require.Contains(t, string(files["go.mod"]), "require github.com/watertight-go/watertight v1.2.3\n\ntool ")
	require.NotContains(t, string(files["go.mod"]), "replace")
	require.Contains(t, string(files["README.md"]), "create role shop_2 login")

	bare := shop
	bare.CI, bare.Replace = NoCI, "/home/you/my watertight"
	files, err = bare.Files()
	require.NoError(t, err)
	require.NotContains(t, files, ".github/workflows/watertight.yml")
	require.Contains(t, string(files["go.mod"]), `=> "/home/you/my watertight"`)
}

func TestModules(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"shop", "example.com/shop", "github.com/You/shop.v2"} {
		require.NoError(t, CheckModule(good), good)
	}
	for _, bad := range []string{"", "/shop", "shop/", "a//b", "a b", "../shop", "a/../b", "$(rm)", `a"b`, "a\nb", "Ünï"} {
		require.Error(t, CheckModule(bad), bad)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := shop
	p.Dir = filepath.Join(dir, "shop")
	require.NoError(t, os.Mkdir(p.Dir, 0o755)) // an empty folder may be there
	fine := func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "finished"), nil, 0o644)
	}
	require.NoError(t, Write(t.Context(), p, fine))
	require.FileExists(t, filepath.Join(p.Dir, "finished"))
	require.NoError(t, os.WriteFile(filepath.Join(p.Dir, "main.go"), []byte("mine"), 0o644))
	require.ErrorContains(t, Write(t.Context(), p, fine), "is not empty")
	content, err := os.ReadFile(filepath.Join(p.Dir, "main.go"))
	require.NoError(t, err)
	require.Equal(t, "mine", string(content))

	// Nor what somebody else puts there meanwhile.
	p.Dir = filepath.Join(dir, "race")
	err = Write(t.Context(), p, func(context.Context, string) error {
		return os.MkdirAll(filepath.Join(p.Dir, "theirs"), 0o755)
	})
	require.ErrorContains(t, err, "meanwhile")
	require.DirExists(t, filepath.Join(p.Dir, "theirs"))
	require.Equal(t, []string{"race", "shop"}, names(t, dir))
}

func TestFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := shop
	p.Dir = filepath.Join(dir, "shop")
	failed := errors.New("no network")
	require.ErrorIs(t, Write(t.Context(), p, func(context.Context, string) error { return failed }), failed)
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, Write(ctx, p, func(context.Context, string) error { cancel(); return nil }), context.Canceled)
	require.Empty(t, names(t, dir))
}

// A process that is killed cannot clean up, but the project's place is empty.
func TestKilledRunLeavesNoProject(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "shop")
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envKilled+"="+target)
	require.Error(t, cmd.Run())
	left := names(t, dir)
	require.Len(t, left, 1)
	require.True(t, strings.HasPrefix(left[0], ".shop.new-"), left[0])

	p := shop
	p.Dir = target
	require.NoError(t, Write(t.Context(), p, func(context.Context, string) error { return nil }))
}

func names(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
